//! Which section of a policy, or of registries.d, is about an image (containers-policy.json(5) "Supported transports and their
//! scopes").

use std::fs;
use std::path::Path;

use crate::podman_store::PodmanStore;
use crate::reference::{DaemonImage, Name, Reference, StoreSpec, StoredImage};
use crate::store::Store;

/// Every scope that `image` is in, the most exact first; the transport's own (`""`) is not among them.
pub fn scopes(image: &Reference) -> Vec<String> {
    match image {
        Reference::Docker(name) | Reference::DockerDaemon(DaemonImage::Named(name)) => {
            name_scopes(name)
        }
        Reference::DockerDaemon(DaemonImage::Id(id)) => vec![id.to_string()],
        Reference::Dir { path }
        | Reference::Oci { path, .. }
        | Reference::OciArchive { path, .. } => path_scopes(path),
        Reference::ContainersStorage { store, image } => match store {
            Some(spec) => store_scopes(driver(spec), &spec.root, image),
            None => Store::default()
                .map(|store| store_scopes("rpod", store.root(), image))
                .unwrap_or_default(),
        },
        // No scopes but the transport's own.
        Reference::DockerArchive { .. } => Vec::new(),
    }
}

/// `host:port/a/b:tag`, `host:port/a/b`, `host:port/a`, `host:port`, then `*.` and the domains that the host is in.
pub fn name_scopes(name: &Name) -> Vec<String> {
    let mut scopes = vec![name.to_string()];
    if let (Some(tag), Some(_)) = (&name.tag, &name.digest) {
        scopes.push(format!("{}:{tag}", name.repository()));
    }
    scopes.extend(parents(&name.repository(), '/'));
    let mut host = name.domain.split(':').next().unwrap_or_default();
    while let Some((_, domain)) = host.split_once('.') {
        scopes.push(format!("*.{domain}"));
        host = domain;
    }
    scopes
}

/// A directory or an archive, and the directories above it but not `/`. The image within is not told apart.
fn path_scopes(path: &Path) -> Vec<String> {
    let real = fs::canonicalize(path).or_else(|_| std::path::absolute(path));
    let real = real.unwrap_or_else(|_| path.to_owned());
    real.ancestors()
        .filter(|above| *above != Path::new("/"))
        .map(|above| above.display().to_string())
        .collect()
}

/// The one that is named, else that of the store which lies there.
fn driver(store: &StoreSpec) -> &str {
    let is_podmans = || PodmanStore::at(&store.root, None).exists();
    match store.driver.as_deref() {
        Some(driver) => driver,
        None if is_podmans() => "overlay",
        None => "rpod",
    }
}

fn store_scopes(driver: &str, root: &Path, image: &StoredImage) -> Vec<String> {
    let root = root.display();
    let store = format!("[{driver}@{root}]");
    let mut scopes = vec![format!("{store}{image}")];
    if let Some(name) = image.name() {
        let repository = name.repository();
        scopes.extend(parents(&repository, '/').map(|parent| format!("{store}{parent}")));
    }
    scopes.extend([store, format!("[{root}]")]);
    scopes
}

/// `a/b/c`, `a/b`, `a`
fn parents(text: &str, separator: char) -> impl Iterator<Item = String> {
    std::iter::successors(Some(text), move |text| {
        text.rfind(separator).map(|at| &text[..at])
    })
    .map(str::to_owned)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn from_the_image_to_the_domain() {
        let image: Reference = "docker://r.example.com:5000/a/b:v1".parse().unwrap();
        assert_eq!(
            scopes(&image),
            [
                "r.example.com:5000/a/b:v1",
                "r.example.com:5000/a/b",
                "r.example.com:5000/a",
                "r.example.com:5000",
                "*.example.com",
                "*.com",
            ]
        );
    }

    #[test]
    fn a_path_is_resolved() {
        let directory = tempfile::tempdir().unwrap();
        let real = directory.path().canonicalize().unwrap();
        std::os::unix::fs::symlink(&real, real.join("link")).unwrap();
        let image: Reference = format!("oci:{}/link:v1", real.display()).parse().unwrap();
        assert_eq!(scopes(&image)[0], real.display().to_string());
        assert!(!scopes(&image).contains(&"/".to_owned()));
    }

    #[test]
    fn a_store_stands_before_its_names() {
        let image: Reference = "containers-storage:[overlay@/s]a.io/b:v1".parse().unwrap();
        let Reference::ContainersStorage { image, .. } = &image else {
            unreachable!()
        };
        let scopes = store_scopes("overlay", Path::new("/s"), image);
        assert_eq!(
            scopes,
            [
                "[overlay@/s]a.io/b:v1",
                "[overlay@/s]a.io/b",
                "[overlay@/s]a.io",
                "[overlay@/s]",
                "[/s]"
            ]
        );
    }
}
