use std::time::Duration;

use super::*;

fn read(text: &str) -> Configuration {
    Configuration::read(&GatewayFile {
        text,
        env: &|name| (name == "FAILOVER_CONNECT").then(|| "750ms".to_owned()),
        sys: &|name| (name == "failover.retries").then(|| "2".to_owned()),
    })
}

#[test]
fn the_table_sets_what_it_names_and_nothing_else() {
    let read = read("[apim.ai.model_failover]\nconnect_timeout = \"2s\"\noverall_timeout = 60\n");
    assert_eq!(read.diagnostics, []);
    assert_eq!(
        read.settings,
        Settings {
            connect_timeout: Duration::from_secs(2),
            overall_timeout: Duration::from_secs(60),
            ..Settings::default()
        }
    );
}

#[test]
fn only_what_differs_from_its_default_counts_as_changed() {
    let read = read(
        "[apim.ai.model_failover]\nconnect_timeout = \"5s\"\noverall_timeout = 60\n\
         target_retries = \"many\"\nunheard = 1\nhttp2 = true\n",
    );
    assert_eq!(read.changed, 2, "overall_timeout and http2");
    assert_eq!(Configuration::defaults().changed, 0);
}

#[test]
fn placeholders_are_resolved() {
    let read = read(
        "[apim.ai.model_failover]\nconnect_timeout = \"$env{FAILOVER_CONNECT}\"\ntarget_retries = \"$sys{failover.retries}\"\n",
    );
    assert_eq!(read.diagnostics, []);
    assert_eq!(read.settings.connect_timeout, Duration::from_millis(750));
    assert_eq!(read.settings.target_retries, 2);
}

#[test]
fn only_the_system_properties_that_the_table_names_are_wanted() {
    let text = "[server]\npassword = \"$sys{javax.net.ssl.trustStorePassword}\"\n\
                    [apim.ai.model_failover]\n\
                    connect_timeout = \"$env{NOBODY}$sys{failover.connect}$sys{failover.unit}\"\n\
                    # idle_timeout = \"$sys{commented.out}\"\n\
                    unheard = \"$sys{unheard}\"\n\
                    target_retries = \"$sys{failover.retries\"\n";
    assert_eq!(
        Vec::from_iter(Configuration::system_properties(text)),
        ["failover.connect", "failover.unit"]
    );
    assert!(Configuration::system_properties("no TOML {{").is_empty());
}

#[test]
fn a_placeholder_without_a_value_is_an_error_that_names_it() {
    let read = read("[apim.ai.model_failover]\nconnect_timeout = \"$env{NOBODY}\"\n");
    assert_eq!(read.settings, Settings::default());
    assert_eq!(read.diagnostics[0].level, Level::Error);
    assert!(read.diagnostics[0].message.contains("$env{NOBODY}"));
}

#[test]
fn an_unknown_key_is_a_warning_with_the_nearest_name() {
    let read = read("[apim.ai.model_failover]\nmax_suspension = \"1h\"\n");
    assert_eq!(read.diagnostics[0].level, Level::Warn);
    assert!(read.diagnostics[0].field.ends_with("max_suspension"));
}

#[test]
fn a_wrong_value_leaves_the_default_and_the_rest_in_place() {
    let read = read("[apim.ai.model_failover]\nidle_timeout = -1\ntarget_retries = 3\n");
    assert_eq!(read.settings.idle_timeout, Duration::from_secs(30));
    assert_eq!(read.settings.target_retries, 3);
    assert_eq!(read.diagnostics.len(), 1);
}

#[test]
fn signs_are_taken_row_by_row() {
    let read = read(
        "[apim.ai.model_failover]\ntarget_retries = 0\n[[apim.ai.model_failover.signs]]\nreason = \"limit\"\ncodes = [\"E42\"]\n[[apim.ai.model_failover.signs]]\nreason = \"account\"\n",
    );
    assert_eq!(read.diagnostics, []);
    assert_eq!(read.signs.len(), 2);
    assert!(read.signs[0].contains("E42"), "{}", read.signs[0]);
}

#[test]
fn signs_that_are_no_tables_are_an_error() {
    let read = read("[apim.ai.model_failover]\nsigns = \"limit\"\n");
    assert_eq!(read.diagnostics[0].level, Level::Error);
    assert!(read.diagnostics[0].field.ends_with("signs"));
}

#[test]
fn the_rest_of_the_file_is_none_of_our_business() {
    let read = read("[server]\nhostname = \"gw\"\n[apim.ai]\nenable = true\n");
    assert_eq!(read, Configuration::defaults());
}

#[test]
fn how_operators_look_at_the_gateway_is_set_for_all_of_it() {
    let read = |text: &str| {
        Configuration::read(&GatewayFile {
            text,
            env: &|name| (name == "TOKEN").then(|| "s3cret".to_owned()),
            sys: &|_| None,
        })
    };
    let table = "[apim.ai.model_failover]\n";
    let set = read(&format!(
        "{table}metrics_listen = \"127.0.0.1:9464\"\nmetrics_token = \"$env{{TOKEN}}\"\nmetrics_drills = true\n"
    ));
    assert_eq!(set.diagnostics, []);
    let token = set.operating.metrics_token.as_ref().map(|t| t.reveal());
    assert_eq!(token, Some("s3cret"));
    assert!(set.operating.metrics_drills && set.changed == 3);
    let printed = format!("{set:?}");
    assert!(!printed.contains("s3cret"), "{printed}");

    let wrong = read(&format!(
        "{table}metrics_listen = \"9464\"\nmetrics_token = \"$env{{NONE}}\"\nmax_held = 1\n"
    ));
    let fields: Vec<&str> = wrong.diagnostics.iter().map(|d| &*d.field).collect();
    assert_eq!(
        fields,
        [
            "apim.ai.model_failover.metrics_listen",
            "apim.ai.model_failover.metrics_token"
        ]
    );
    assert_eq!(wrong.operating, Operating::default());
    assert_eq!(wrong.settings.max_held, 1);
}

fn cluster(text: &str) -> Configuration {
    Configuration::read(&GatewayFile {
        text,
        env: &|name| (name == "SECRET").then(|| "hunter2".to_owned()),
        sys: &|_| None,
    })
}

#[test]
fn a_gateway_is_alone_unless_the_cluster_is_set() {
    assert_eq!(cluster("[apim.ai.model_failover]\n").sharing, None);
    assert_eq!(cluster("[apim.redis_config]\nhost = 'r'\n").sharing, None);
}

#[test]
fn addresses_say_host_port_tls_and_database() {
    let read = |url: &str| {
        let text = format!("[apim.ai.model_failover.cluster]\nurl = {url}\n");
        let read = cluster(&text);
        assert_eq!(read.diagnostics, [], "{url}");
        let sharing = read.sharing.unwrap();
        (sharing.servers, sharing.tls, sharing.database)
    };
    let one = |host: &str, port| vec![(host.to_owned(), port)];
    assert_eq!(read("'redis://r'"), (one("r", 6379), false, 0));
    assert_eq!(read("'rediss://r:1/3'"), (one("r", 1), true, 3));
    assert_eq!(read("'valkeys://[::1]:7'"), (one("::1", 7), true, 0));
    let two = [one("a", 1), one("b", 2)].concat();
    assert_eq!(read("['redis://a:1', 'redis://b:2/']"), (two, false, 0));
}

#[test]
fn a_cluster_that_is_set_wrongly_is_an_error_that_names_the_setting_and_no_cluster() {
    for (setting, field) in [
        ("", "url"),
        ("url = 'http://r'", "url"),
        ("url = 'redis://r:port'", "url"),
        ("url = ['redis://a', 'rediss://b']", "url"),
        (
            "url = 'redis://r'\ncluster_mode = 'perhaps'",
            "cluster_mode",
        ),
        (
            "url = 'redis://r'\ncluster_mode = true\nsentinel_master = 'm'",
            "sentinel_master",
        ),
        ("url = 'redis://r/1'\ncluster_mode = true", "url"),
        ("url = 'redis://r'\nca_file = '/ca.pem'", "ca_file"),
        ("url = 'redis://r'\nuser = 'u'", "user"),
        ("url = 'redis://r'\npassword = '$env{MISSING}'", "password"),
        (
            "url = 'redis://r'\nsentinel_password = 'p'",
            "sentinel_password",
        ),
        ("url = 'redis://r'\ngroup = ''", "group"),
        ("use_host_redis = true", "use_host_redis"),
    ] {
        let read = cluster(&format!("[apim.ai.model_failover.cluster]\n{setting}\n"));
        assert_eq!(read.sharing, None, "{setting}");
        let said = &read.diagnostics[0];
        assert_eq!(said.level, Level::Error, "{setting}");
        assert_eq!(
            said.field,
            format!("apim.ai.model_failover.cluster.{field}")
        );
        assert!(
            said.message.ends_with("; the gateway goes on alone"),
            "{said}"
        );
    }
    let read = cluster("[apim.ai.model_failover]\ncluster = true\n");
    assert_eq!(read.diagnostics[0].field, "apim.ai.model_failover.cluster");
}

#[test]
fn no_password_is_told() {
    let read =
        cluster("[apim.ai.model_failover.cluster]\nurl = 'redis://r'\npassword = '$env{SECRET}'\n");
    assert_eq!(
        read.sharing
            .as_ref()
            .unwrap()
            .password
            .as_ref()
            .unwrap()
            .reveal(),
        "hunter2"
    );
    assert!(!format!("{read:?}").contains("hunter2"));
    let read = cluster("[apim.ai.model_failover.cluster]\nurl = 'redis://u:hunter2@r'\n");
    assert!(!format!("{read:?}").contains("hunter2"), "{read:?}");
}

#[test]
fn the_hosts_redis_is_taken_only_when_asked_to_and_own_settings_go_before_it() {
    const HOST: &str = "[apim.redis_config]\nhost = 'host'\nport = 7000\nuser = 'u'\npassword = '$env{SECRET}'\n\
                        database_id = 2\nssl = true\nconnection_timeout = 2000\n";
    let read = cluster(&format!(
        "{HOST}[apim.ai.model_failover.cluster]\nuse_host_redis = true\nca_file = '/ca.pem'\n"
    ));
    assert_eq!(read.diagnostics, []);
    let sharing = read.sharing.unwrap();
    assert_eq!(sharing.servers, [("host".to_owned(), 7000)]);
    assert_eq!((sharing.tls, sharing.database), (true, 2));
    assert_eq!(sharing.user.as_deref(), Some("u"));
    assert_eq!(sharing.password.unwrap().reveal(), "hunter2");

    let secret = "[apim.redis_config]\nhost = 'host'\npassword = '$secret{redis}'\n\
                  [apim.ai.model_failover.cluster]\nuse_host_redis = true\n";
    let read = cluster(secret);
    assert_eq!(read.sharing, None);
    assert!(
        read.diagnostics[0]
            .message
            .contains("only the host can read"),
        "{read:?}"
    );
    let read = cluster(&format!("{secret}password = 'own'\n"));
    assert_eq!(read.sharing.unwrap().password.unwrap().reveal(), "own");
}
