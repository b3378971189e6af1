//! The model that a request asks for.

/// The most values of a model in one body. Each is replaced, and so many of them would make a body many times as large
/// as the one that was allowed.
pub(crate) const MOST_MODELS: usize = 64;

/// The longest value, in bytes, that is read as a model's name: of what is longer no copy is made.
pub(crate) const LONGEST_NAME: usize = 64 * 1024;

/// The model that a request asks for. With a repeated key the last one counts, as with the providers' parsers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Model {
    /// There is no `model`, or it is null or empty.
    Absent,
    /// Its name.
    Named(String),
    /// `model` is no string, or one that is too long for a name.
    NoName,
}

/// Why a body has no [`Request`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NoRequest {
    /// It is not JSON: what was wrong, and the line and column.
    #[error("not valid JSON: {0}")]
    Malformed(String),
    /// It is declared as a multipart form, and not valid as one: what was wrong.
    #[error("not a valid multipart form: it {0}")]
    MalformedForm(String),
    /// It repeats the key of its model more often than anybody would by mistake.
    #[error("naming its model more than {MOST_MODELS} times")]
    TooManyModels,
    /// Its model stands at a JSONPath that is a query, and it has more values than a query looks through: the path.
    #[error("too large to look in it for the model at {0:?}")]
    TooMuchToSearch(String),
    /// It is JSON, but not an object, so it can't carry a model.
    #[error("not a JSON object")]
    NotAnObject,
}
