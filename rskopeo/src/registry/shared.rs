//! One client for all that a run does with a repository: its connections, tokens and knowledge serve every image.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Result;

use super::{Client, Scope};
use crate::config::Credentials;
use crate::transport::Access;

/// One run deals with a handful of repositories at a time.
const MOST: usize = 16;

/// What makes two clients the same.
#[derive(PartialEq, Eq)]
struct Key {
    host: String,
    path: String,
    scope: Scope,
    insecure: bool,
    credentials: Option<Credentials>,
    registry_token: Option<String>,
    cert_dir: Option<PathBuf>,
    user_agent_prefix: Option<String>,
}

static CLIENTS: Mutex<Vec<(Key, Arc<Client>)>> = Mutex::new(Vec::new());

impl Client {
    /// The client that was [connected](Self::connect) in the same way before, or a new one.
    pub fn shared(
        host: &str,
        path: &str,
        scope: Scope,
        insecure: bool,
        credentials: Option<Credentials>,
        access: &Access,
    ) -> Result<Arc<Self>> {
        let key = Key {
            host: host.to_owned(),
            path: path.to_owned(),
            scope,
            insecure,
            credentials: credentials.clone(),
            registry_token: access.registry_token.clone(),
            cert_dir: access.cert_dir.clone(),
            user_agent_prefix: access.user_agent_prefix.clone(),
        };
        // Held while connecting: who comes meanwhile mostly wants the same.
        let mut clients = CLIENTS.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, client)) = clients.iter().find(|(known, _)| *known == key) {
            return Ok(Arc::clone(client));
        }
        let client = Self::connect(host, path, scope, insecure, credentials, access)?;
        let client = Arc::new(client);
        if clients.len() == MOST {
            clients.remove(0);
        }
        clients.push((key, Arc::clone(&client)));
        Ok(client)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_same_way_in_is_the_same_client() {
        let client = |path: &str, scope, user: Option<&str>| {
            let credentials = user.map(|user| Credentials::Password {
                user: user.to_owned(),
                password: String::new(),
            });
            let access = Access::default();
            Client::shared("r.invalid", path, scope, false, credentials, &access).unwrap()
        };
        let one = client("a", Scope::Pull, None);
        assert!(Arc::ptr_eq(&one, &client("a", Scope::Pull, None)));
        for other in [
            client("b", Scope::Pull, None),
            client("a", Scope::PullAndPush, None),
            client("a", Scope::Pull, Some("u")),
        ] {
            assert!(!Arc::ptr_eq(&one, &other));
        }
        // The oldest make room.
        for n in 0..MOST {
            client(&n.to_string(), Scope::Pull, None);
        }
        assert!(!Arc::ptr_eq(&one, &client("a", Scope::Pull, None)));
    }
}
