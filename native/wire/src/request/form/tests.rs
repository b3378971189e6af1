use proptest::prelude::*;

use super::*;
use crate::room::allocated;

fn body(model: Option<&str>, file: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(b"--XX\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a.mp3\"\r\nContent-Type: audio/mpeg\r\n\r\n");
    out.extend_from_slice(file);
    if let Some(model) = model {
        out.extend_from_slice(
            format!("\r\n--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\n{model}")
                .as_bytes(),
        );
    }
    out.extend_from_slice(b"\r\n--XX--\r\n");
    out
}

fn read(body: &[u8]) -> Result<Form, NoRequest> {
    Form::read("XX", "model", body)
}

#[test]
fn the_boundary_is_read_from_the_content_type() {
    assert_eq!(boundary("multipart/form-data; boundary=XX"), Some("XX"));
    assert_eq!(
        boundary("Multipart/Form-Data; charset=utf-8; Boundary=\"a b\""),
        Some("a b")
    );
    assert_eq!(boundary("multipart/form-data"), None);
    assert_eq!(boundary("multipart/mixed; boundary=XX"), None);
}

#[test]
fn a_missing_model_is_put_in() {
    let form = body(None, b"abc");
    let parsed = read(&form).unwrap();
    assert_eq!(parsed.model, Model::Absent);
    let out = parsed.with_model(&form, "whisper", &mut allocated).unwrap();
    assert_eq!(read(&out).unwrap().model, Model::Named("whisper".into()));
    assert!(out.ends_with(&form[..]));
}

#[test]
fn a_field_of_another_name_can_be_the_model() {
    let form = body(Some("not this one"), b"abc");
    let parsed = Form::read("XX", "engine", &form).unwrap();
    assert_eq!(parsed.model, Model::Absent);
    let out = parsed.with_model(&form, "whisper", &mut allocated).unwrap();
    assert_eq!(
        Form::read("XX", "engine", &out).unwrap().model,
        Model::Named("whisper".into())
    );
}

#[test]
fn a_parameter_of_the_disposition_is_found_as_its_readers_find_it() {
    for disposition in [
        "Content-Disposition: form-data; name=\"model\"",
        "content-disposition:form-data;NAME=model",
        "Content-Disposition: form-data; filename=\"a;name=b\"; name=\"model\"",
    ] {
        let form = format!("--XX\r\n{disposition}\r\n\r\nm\r\n--XX--\r\n");
        assert_eq!(
            read(form.as_bytes()).unwrap().model,
            Model::Named("m".into()),
            "{disposition}"
        );
    }
}

#[test]
fn the_boundary_within_a_line_of_a_file_is_content() {
    let form = body(Some("m"), b"a--XX\r\nb --XX--c");
    let parsed = read(&form).unwrap();
    assert_eq!(parsed.model, Model::Named("m".into()));
    assert_eq!(
        parsed.with_model(&form, "n", &mut allocated).unwrap(),
        body(Some("n"), b"a--XX\r\nb --XX--c")
    );
}

#[test]
fn a_form_is_not_blown_up_by_very_many_models() {
    let models = "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n";
    let form = |n: usize| format!("{}--XX--\r\n", models.repeat(n));
    assert!(read(form(MOST_MODELS).as_bytes()).is_ok());
    assert_eq!(
        read(form(MOST_MODELS + 1).as_bytes()),
        Err(NoRequest::TooManyModels)
    );
}

#[test]
fn an_empty_model_is_replaced_whatever_line_breaks_are_around_it() {
    for breaks in ["\r\n\r\n\r\n", "\r\n\r\n"] {
        let form = format!("--XX\r\nContent-Disposition: form-data; name=model{breaks}--XX--\r\n");
        let parsed = read(form.as_bytes()).unwrap();
        assert_eq!(parsed.model, Model::Absent);
        let out = parsed
            .with_model(form.as_bytes(), "m", &mut allocated)
            .unwrap();
        let expected = "--XX\r\nContent-Disposition: form-data; name=model\r\n\r\nm\r\n--XX--\r\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}

#[test]
fn a_torn_form_is_refused() {
    assert!(read(b"nothing").is_err());
    assert!(read(b"--XX\r\nContent-Disposition: form-data; name=\"model\"\r\n\r\nwhis").is_err());
    assert!(read(b"--XX\r\nContent-Dispo").is_err());
}

proptest! {
    #[test]
    fn only_the_field_changes(file: Vec<u8>, old in "[a-z0-9-]{1,12}", new in "[a-z0-9-]{1,12}") {
        prop_assume!(memmem::find(&file, b"--XX").is_none());
        let form = body(Some(&old), &file);
        let parsed = read(&form).unwrap();
        prop_assert_eq!(&parsed.model, &Model::Named(old));
        prop_assert_eq!(parsed.with_model(&form, &new, &mut allocated).unwrap(), body(Some(&new), &file));
    }

    #[test]
    fn no_body_makes_the_reader_panic(bytes: Vec<u8>) {
        let _ = read(&bytes);
        let _ = read(&[b"--XX".as_slice(), &bytes, b"--XX--"].concat());
    }
}
