//! The `WWW-Authenticate` header (RFC 9110 section 11.6.1): several challenges, each with parameters.

/// One challenge: `Bearer realm="…",service="…",scope="…"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Challenge {
    /// Lower case.
    pub scheme: String,
    /// Names in lower case.
    pub parameters: Vec<(String, String)>,
}

impl Challenge {
    pub fn parameter(&self, name: &str) -> Option<&str> {
        self.parameters
            .iter()
            .find(|(given, _)| given == name)
            .map(|(_, value)| value.as_str())
    }
}

/// Reads all challenges of one header value; stops, without error, at what is not understood.
pub fn parse(header: &str) -> Vec<Challenge> {
    let mut challenges: Vec<Challenge> = Vec::new();
    let mut rest = header.trim_start_matches([' ', '\t', ',']);
    while !rest.is_empty() {
        let (word, after) = token(rest);
        if word.is_empty() {
            break;
        }
        let value = after.trim_start().strip_prefix('=').map(str::trim_start);
        match (value, challenges.last_mut()) {
            (Some(value), Some(challenge)) => {
                let Some((value, after)) = parameter_value(value) else {
                    break;
                };
                challenge
                    .parameters
                    .push((word.to_ascii_lowercase(), value));
                rest = after;
            }
            (Some(_), None) => break,
            (None, _) => {
                challenges.push(Challenge {
                    scheme: word.to_ascii_lowercase(),
                    parameters: Vec::new(),
                });
                rest = after;
            }
        }
        rest = rest.trim_start_matches([' ', '\t', ',']);
    }
    challenges
}

fn token(text: &str) -> (&str, &str) {
    let end = text
        .find(|c: char| !(c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)))
        .unwrap_or(text.len());
    text.split_at(end)
}

fn parameter_value(text: &str) -> Option<(String, &str)> {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = token(text);
        return (!value.is_empty()).then(|| (value.to_owned(), after));
    };
    let mut value = String::new();
    let mut characters = quoted.char_indices();
    while let Some((at, c)) = characters.next() {
        match c {
            '"' => return Some((value, &quoted[at + 1..])),
            '\\' => value.push(characters.next()?.1),
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn bearer_and_basic() {
        let all = parse(
            r#"Bearer realm="https://a/token?x=1,2",service="r\"x",scope="repository:a:pull", Basic realm=plain"#,
        );
        assert_eq!(all.len(), 2);
        assert_eq!(all[0].scheme, "bearer");
        assert_eq!(all[0].parameter("realm"), Some("https://a/token?x=1,2"));
        assert_eq!(all[0].parameter("service"), Some("r\"x"));
        assert_eq!(all[1].parameter("realm"), Some("plain"));
        assert_eq!(parse("Basic")[0].scheme, "basic");
        assert!(parse("realm=\"x\"").is_empty());
    }

    proptest! {
        #[test]
        fn never_panics(header in ".{0,100}") {
            parse(&header);
        }
    }
}
