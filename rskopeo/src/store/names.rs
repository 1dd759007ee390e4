//! Names of images in the store's `index.json`.

use crate::digest::Digest;
use crate::manifest::Descriptor;
use crate::transport::{LayoutIndex, REF_NAME};

/// Annotation of an image that was chosen out of an index: the index's digest.
const INDEX_DIGEST: &str = "io.rpod.index.digest";

/// Annotation: names that the image had and has no more, the last one first, with spaces between them.
const NAMES_BEFORE: &str = "io.rpod.names.before";

/// Lets `name` stand for the image. An image that loses its last name stays, without one, until it is pruned.
pub fn name_image(
    index: &mut LayoutIndex,
    name: &str,
    mut image: Descriptor,
    chosen_from: Option<&Digest>,
) {
    let named = |descriptor: &Descriptor| {
        descriptor
            .annotations
            .get(REF_NAME)
            .is_some_and(|given| given == name)
    };
    let previous = index
        .manifests
        .iter()
        .position(named)
        .map(|at| index.manifests.remove(at));
    match previous {
        Some(previous) if previous.digest != image.digest => keep_without(index, name, previous),
        Some(same) => carry_names_before(&same, &mut image),
        None => {}
    }
    let nameless = |other: &&Descriptor| {
        other.digest == image.digest && !other.annotations.contains_key(REF_NAME)
    };
    if let Some(nameless) = index.manifests.iter().find(nameless) {
        carry_names_before(&nameless.clone(), &mut image);
    }
    index.manifests.retain(|other| {
        !named(other) && (other.digest != image.digest || other.annotations.contains_key(REF_NAME))
    });
    image
        .annotations
        .insert(REF_NAME.to_owned(), name.to_owned());
    if let Some(digest) = chosen_from {
        image
            .annotations
            .insert(INDEX_DIGEST.to_owned(), digest.to_string());
    }
    index.manifests.push(image);
}

/// The image that lost a name: what else is known of it, and that it had that name.
fn keep_without(index: &mut LayoutIndex, name: &str, mut previous: Descriptor) {
    let mut others = index.manifests.iter_mut();
    let kept = match others.find(|other| other.digest == previous.digest) {
        Some(other) => other,
        None => {
            previous.annotations.remove(REF_NAME);
            index.manifests.push_mut(previous)
        }
    };
    let before = kept.annotations.get(NAMES_BEFORE).cloned();
    let before = before.as_deref().unwrap_or_default().split_whitespace();
    let names: Vec<&str> = [name]
        .into_iter()
        .chain(before.filter(|other| *other != name))
        .collect();
    let names = names.join(" ");
    kept.annotations.insert(NAMES_BEFORE.to_owned(), names);
}

fn carry_names_before(from: &Descriptor, to: &mut Descriptor) {
    if let Some(names) = from.annotations.get(NAMES_BEFORE) {
        let names = names.clone();
        to.annotations.insert(NAMES_BEFORE.to_owned(), names);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::OCI_MANIFEST;

    fn image(n: u8) -> Descriptor {
        Descriptor::new(OCI_MANIFEST, Digest::sha256(&[n]), 1)
    }

    fn names(index: &LayoutIndex) -> Vec<(Digest, Option<&str>)> {
        let name = |d: &'_ Descriptor| d.digest.clone();
        index
            .manifests
            .iter()
            .map(|d| (name(d), d.annotations.get(REF_NAME).map(String::as_str)))
            .collect()
    }

    #[test]
    fn a_name_moves_and_the_old_image_stays() {
        let mut index = LayoutIndex {
            schema_version: 2,
            media_type: None,
            manifests: Vec::new(),
            annotations: Default::default(),
        };
        name_image(&mut index, "a", image(1), None);
        name_image(&mut index, "b", image(1), None);
        name_image(&mut index, "a", image(2), None);
        assert_eq!(
            names(&index),
            [(image(1).digest, Some("b")), (image(2).digest, Some("a"))]
        );
        name_image(&mut index, "b", image(2), None);
        assert_eq!(
            names(&index),
            [
                (image(2).digest, Some("a")),
                (image(1).digest, None),
                (image(2).digest, Some("b"))
            ]
        );
        let before = |index: &LayoutIndex, digest: &Digest| {
            let mut of_image = index.manifests.iter().filter(|one| one.digest == *digest);
            of_image.find_map(|one| one.annotations.get(NAMES_BEFORE).cloned())
        };
        assert_eq!(before(&index, &image(1).digest).as_deref(), Some("b a"));
        name_image(&mut index, "c", image(1), None);
        assert_eq!(before(&index, &image(1).digest).as_deref(), Some("b a"));
        assert_eq!(
            names(&index),
            [
                (image(2).digest, Some("a")),
                (image(2).digest, Some("b")),
                (image(1).digest, Some("c"))
            ]
        );
    }
}
