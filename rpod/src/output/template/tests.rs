//! What Go prints for the same template.

#![allow(clippy::unwrap_used)]

use serde_json::{Value, json};

use super::{Template, no_methods};

pub(super) fn run(text: &str) -> Result<String, String> {
    let dot = json!({
        "ID": "abc", "Names": ["one", "two"], "Size": 5400000, "Running": true, "Zero": 0,
        "Config": {"Labels": {"b": "2", "a": "1"}, "Env": []}, "Nothing": null, "Ratio": 1.5,
        "Ulimits": [{"Name": "RLIMIT_NOFILE", "Soft": 1, "Hard": 2}],
        "LogConfig": {"Type": "k8s-file", "Config": null, "Path": "/l", "Tag": "", "Size": "0B"},
        "Bound": [{"Type": "bind", "Source": "/s", "Destination": "/d", "Driver": "", "Mode": "", "Options": ["rbind"], "RW": true, "Propagation": "rprivate"}],
        "Mounts": [{"Source": "/a", "RW": true}, {"Source": "/b", "RW": false}],
    });
    let template = Template::parse("test", text).map_err(|error| error.to_string())?;
    template
        .execute(&dot, no_methods)
        .map_err(|error| error.to_string())
}

#[test]
fn prints_what_go_prints() {
    for (text, expected) in [
        ("plain", "plain"),
        ("{{.ID}}", "abc"),
        ("{{ .ID }} {{.Size}}", "abc 5400000"),
        ("{{.Names}}", "[one two]"),
        (
            "{{.Ulimits}}{{.LogConfig}}",
            "[{RLIMIT_NOFILE 1 2}]{k8s-file map[] /l  0B}",
        ),
        ("{{.Bound}}", "[{bind  /s /d   [rbind] true rprivate }]"),
        ("{{.Config.Labels}}", "map[a:1 b:2]"),
        ("{{.Mounts}}", "[{/a true} {/b false}]"),
        ("{{.Config.Labels.a}}{{.Config.Labels.c}}", "1<no value>"),
        ("{{index .Names 1}}", "two"),
        ("{{index .Config.Labels \"b\"}}", "2"),
        ("{{(index .Mounts 0).Source}}", "/a"),
        ("{{len .Names}}{{len .ID}}", "23"),
        ("{{range .Names}}<{{.}}>{{end}}", "<one><two>"),
        (
            "{{range $i, $n := .Names}}{{$i}}={{$n}};{{end}}",
            "0=one;1=two;",
        ),
        (
            "{{range $k, $v := .Config.Labels}}{{$k}}{{$v}}{{end}}",
            "a1b2",
        ),
        ("{{range .Config.Env}}x{{else}}none{{end}}", "none"),
        ("{{range .Names}}{{break}}x{{end}}.", "."),
        (
            "{{range .Mounts}}{{if .RW}}{{continue}}{{end}}{{.Source}}{{end}}",
            "/b",
        ),
        ("{{if .Zero}}a{{else if .Running}}b{{else}}c{{end}}", "b"),
        ("{{with .Config}}{{.Labels.a}}{{$.ID}}{{end}}", "1abc"),
        ("{{with .Zero}}a{{else with .ID}}{{.}}{{end}}", "abc"),
        ("{{$x := 1}}{{range .Names}}{{$x = .}}{{end}}{{$x}}", "two"),
        (
            "{{$x := .ID}}{{if true}}{{$x := 2}}{{$x}}{{end}}{{$x}}",
            "2abc",
        ),
        ("{{.ID | upper | printf \"%s-%d\" \"a\" | len}}", "17"),
        (
            "{{printf \"%-5s|%5d|%05d|%.2f|%q|%v|%x\" .ID 3 -3 .Ratio .ID .Names 255}}",
            "abc  |    3|-0003|1.50|\"abc\"|[one two]|ff",
        ),
        ("{{printf \"%d %s\" \"x\" 1}}", "%!d(string=x) %!s(int=1)"),
        (
            "{{printf \"%s\"}}{{printf \"a\" 1}}",
            "%!s(MISSING)a%!(EXTRA int=1)",
        ),
        (
            "{{eq .ID \"abc\"}} {{eq .Size 1 5400000}} {{ne 1 2}} {{lt 1 2}} {{ge 1.5 2}}",
            "true true true true false",
        ),
        (
            "{{and .Running .ID}} {{or .Zero \"x\"}} {{not .Zero}}",
            "abc x true",
        ),
        ("{{or true (index .Names 9)}}", "true"),
        (
            "{{json .Names}} {{.Config.Labels | json}}",
            "[\"one\",\"two\"] {\"b\":\"2\",\"a\":\"1\"}",
        ),
        (
            "{{upper \"a\"}}{{lower \"B\"}}{{title \"one two\"}}",
            "AbOne Two",
        ),
        (
            "{{join .Names \",\"}} {{split \"a/b\" \"/\"}}",
            "one,two [a b]",
        ),
        (
            "{{truncate .ID 2}}|{{pad .ID 1 2}}|{{slice .ID 1}}{{slice .Names 0 1}}",
            "ab| abc  |bc[one]",
        ),
        (
            "{{- .ID -}}  x {{/* note */}}y {{- /* note */ -}} z",
            "abcx yz",
        ),
        (
            "{{.Nothing}} {{.Ratio}} {{1e3}} {{0x1F}} {{'a'}} {{1_000}}",
            "<no value> 1.5 1000 31 97 1000",
        ),
        ("{{`raw\\n`}}{{\"a\\tb\\u00e9\"}}", "raw\\na\tbé"),
        ("{{print 1 2 \"a\" 3}} {{println \"x\"}}", "1 2a3 x\n"),
        (
            "{{html \"<a>\"}} {{urlquery \"a b&\"}} {{js \"it's\"}}",
            "&lt;a&gt; a+b%26 it\\'s",
        ),
        ("{{.Config.Id}}", ""),
    ] {
        match run(text) {
            Ok(output) => assert_eq!(output, expected, "{text}"),
            Err(error) => assert!(expected.is_empty(), "{text}: {error}"),
        }
    }
}

#[test]
fn says_what_is_wrong_and_where() {
    for (text, expected) in [
        (
            "{{.Foo}}",
            "template: test:1:2: executing \"test\" at <.Foo>: can't evaluate field Foo",
        ),
        (
            "{{.ID.X}}",
            "template: test:1:5: executing \"test\" at <.X>: can't evaluate field X in type string",
        ),
        (
            "\n{{.Nothing.X}}",
            "template: test:2:10: executing \"test\" at <.X>: nil pointer evaluating X",
        ),
        ("{{.Foo", "template: test:1: unclosed action"),
        ("{{if .ID}}", "template: test:1: unexpected EOF"),
        ("{{end}}", "template: test:1: unexpected {{end}}"),
        ("{{foo}}", "template: test:1: function \"foo\" not defined"),
        ("{{$x}}", "template: test:1: undefined variable \"$x\""),
        ("{{}}", "template: test:1: missing value for command"),
        ("{{if}}x{{end}}", "template: test:1: missing value for if"),
        (
            "{{range}}x{{end}}",
            "template: test:1: missing value for range",
        ),
        (
            "{{if .ID}}{{else with}}{{end}}",
            "template: test:1: missing value for with",
        ),
        (
            "{{.ID | .Size}}",
            "template: test:1:8: executing \"test\" at <.Size>: Size has arguments but cannot be invoked as function",
        ),
        (
            "{{\"a\" | \"b\"}}",
            "template: test:1: non executable command in pipeline stage 2",
        ),
        (
            "{{index .Names 5}}",
            "template: test:1:2: executing \"test\" at <index .Names 5>: error calling index: index out of range: 5",
        ),
        (
            "{{lt 1 \"a\"}}",
            "template: test:1:2: executing \"test\" at <lt 1 \"a\">: error calling lt: incompatible types for comparison",
        ),
        ("{{break}}", "template: test:1: {{break}} outside {{range}}"),
        (
            "{{define \"x\"}}{{end}}",
            "template: test:1: define is not supported in a format",
        ),
    ] {
        let error = run(text).unwrap_err();
        assert!(error.starts_with(expected), "{text}: {error}");
    }
}

#[test]
fn nil_is_printed_by_its_type() {
    let dot =
        json!({ "Health": super::NIL, "Labels": super::NIL_MAP, "Entrypoint": super::NIL_LIST });
    for (text, expected) in [
        ("{{.Health}} {{.Labels}} {{.Entrypoint}}", "<nil> map[] []"),
        (
            "{{json .Health}} {{json .Labels}} {{json .Entrypoint}}",
            "null null null",
        ),
        (
            "{{len .Labels}} {{len .Entrypoint}} {{.Labels.a}}",
            "0 0 <no value>",
        ),
        (
            "{{range .Labels}}x{{end}}{{if .Entrypoint}}x{{end}}{{join .Entrypoint \" \"}}",
            "",
        ),
        ("{{printf \"%v\" .Labels}}", "map[]"),
    ] {
        let template = Template::parse("inspect", text).unwrap();
        assert_eq!(
            template.execute(&dot, no_methods).unwrap(),
            expected,
            "{text}"
        );
    }
}

#[test]
fn a_pointer_that_leads_nowhere_is_false() {
    let dot = json!({ "Health": super::NIL, "Name": "a" });
    let run = |text: &str| {
        let template = Template::parse("inspect", text).unwrap();
        template
            .execute(&dot, no_methods)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        run("{{if .Health}}{{.Health.Status}}{{end}}{{.Health}}").unwrap(),
        "<nil>"
    );
    let error = run("{{.Health.Status}}").unwrap_err();
    assert!(error.contains("nil pointer evaluating Status"), "{error}");
}

#[test]
fn fields_of_what_is_shown_are_known() {
    let dot = json!([{ "name": "a", "labels": { "b": "c" } }]);
    let run = |text: &str| {
        let template = Template::parse("ls", text).unwrap();
        template
            .execute(&dot, no_methods)
            .map_err(|error| error.to_string())
    };
    assert_eq!(
        run("{{range .}}{{.labels.x}}{{end}}").unwrap(),
        "<no value>"
    );
    let error = run("{{range .}}{{.x}}{{end}}").unwrap_err();
    assert!(error.contains("can't evaluate field x"), "{error}");
}

#[test]
fn methods_come_before_keys() {
    fn methods(receiver: &Value, name: &str, arguments: &[Value]) -> Option<Value> {
        match (name, arguments) {
            ("Size", []) => Some(format!("{} B", receiver["Size"]).into()),
            ("Label", [label]) => Some(receiver["Labels"].get(label.as_str()?)?.clone()),
            _ => None,
        }
    }
    let dot = json!({"Size": 5, "Labels": {"a": "b"}});
    let template = Template::parse("test", "{{.Size}} {{.Label \"a\"}} {{json .}}").unwrap();
    assert_eq!(
        template.execute(&dot, methods).unwrap(),
        "5 B b {\"Size\":5,\"Labels\":{\"a\":\"b\"}}"
    );
}
