//! `[HOST::][IMAGE]`, `USER@localhost::[IMAGE]`, as it is typed.

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Argument {
    pub(super) side: Side,
    /// Empty where none is named.
    pub(super) image: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Side {
    /// Nothing was said.
    Own,
    /// A user of this host.
    User(String),
    /// The name of a connection, or `[USER@]HOST[:PORT]`.
    Host(String),
}

impl Argument {
    pub(super) fn parse(text: &str) -> Argument {
        let (side, image) = match text.split_once("::") {
            None => (Side::Own, text),
            Some((place, image)) => match place.strip_suffix("@localhost") {
                Some(user) => (Side::User(user.to_owned()), image),
                None => (Side::Host(place.to_owned()), image),
            },
        };
        Argument {
            side,
            image: image.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colons_part_places_from_images() {
        for (text, side, image) in [
            ("alpine:3", Side::Own, "alpine:3"),
            ("host::", Side::Host("host".into()), ""),
            (
                "me@host:22::a/b:1",
                Side::Host("me@host:22".into()),
                "a/b:1",
            ),
            ("root@localhost::x", Side::User("root".into()), "x"),
        ] {
            let image = image.to_owned();
            assert_eq!(Argument::parse(text), Argument { side, image });
        }
    }
}
