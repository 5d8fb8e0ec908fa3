//! Scopes: what is asked for, and what was not granted.

use postroom_model::{Account, Provider};

/// Scopes that ask for an identity or a refresh token; servers leave them out of what they grant.
const ABOUT_THE_PERSON: [&str; 4] = ["openid", "profile", "email", "offline_access"];

/// What an account asks for: its own scopes, else the provider's.
pub fn scopes_of<'a>(account: &'a Account, provider: &'a Provider) -> &'a [String] {
    if account.scopes.is_empty() { &provider.scopes } else { &account.scopes }
}

/// The scopes that were asked for and not granted. `granted` is the answer's `scope`; without one, all
/// was granted (RFC 6749 section 5.1).
///
/// Microsoft grants by short names, or under another of its host names; `…/.default` stands for
/// whatever the app registration lists.
pub fn missing_scopes(asked: &[String], granted: Option<&str>) -> Vec<String> {
    let granted: Vec<&str> = granted.unwrap_or_default().split_whitespace().collect();
    if granted.is_empty() {
        return Vec::new();
    }
    let missing = |scope: &&String| {
        !ABOUT_THE_PERSON.contains(&scope.as_str())
            && !scope.ends_with("/.default")
            && !granted.iter().any(|granted| is_same(scope, granted))
    };
    asked.iter().filter(missing).cloned().collect()
}

/// Whether what was granted lets some mail be read: one of the scopes that read mail is there, as far
/// as scopes tell by their names; else one of all that was asked for besides the identity.
pub fn is_enough(asked: &[String], missing: &[String]) -> bool {
    let reads_mail = |scope: &&&String| {
        let scope = scope.to_ascii_lowercase();
        ["imap", "pop", "mail.google.com"].iter().any(|word| scope.contains(word))
    };
    let rights: Vec<&String> = asked.iter().filter(|s| !ABOUT_THE_PERSON.contains(&s.as_str())).collect();
    let reading: Vec<&String> = rights.iter().filter(reads_mail).copied().collect();
    let needed = if reading.is_empty() { rights } else { reading };
    needed.is_empty() || needed.iter().any(|scope| !missing.contains(scope))
}

fn is_same(asked: &str, granted: &str) -> bool {
    asked == granted || short_name(asked).is_some_and(|name| name.eq_ignore_ascii_case(last_part(granted)))
}

/// The short name of a scope of Exchange Online: `https://outlook.office.com/IMAP.AccessAsUser.All`.
fn short_name(scope: &str) -> Option<&str> {
    let (host, name) = scope.strip_prefix("https://")?.split_once('/')?;
    (host.contains("outlook") && !name.is_empty()).then_some(name)
}

fn last_part(scope: &str) -> &str {
    scope.rsplit_once('/').map_or(scope, |(_, name)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_granted_is_found_whatever_names_it_goes_by() {
        let imap = "https://outlook.office.com/IMAP.AccessAsUser.All";
        let pop = "https://outlook.office.com/POP.AccessAsUser.All";
        let table: [(&[&str], Option<&str>, &[&str]); 12] = [
            (&["a", "b"], Some("a"), &["b"]),
            (&["a", "b"], Some("b  a c"), &[]),
            (&["a", "b"], None, &[]),
            (&["a", "b"], Some(" "), &[]),
            (&["openid", "profile", "email", "offline_access", "a"], Some("a"), &[]),
            (&[imap], Some("IMAP.AccessAsUser.All"), &[]),
            (&[imap], Some("https://outlook.office365.com/imap.accessasuser.all"), &[]),
            (&[imap, pop], Some("openid IMAP.AccessAsUser.All"), &[pop]),
            (&["https://outlook.office365.com/.default"], Some("whatever"), &[]),
            (&["https://mail.google.com/"], Some("https://mail.google.com/ openid"), &[]),
            (
                &["https://mail.google.com/"],
                Some("https://www.googleapis.com/auth/userinfo.email"),
                &["https://mail.google.com/"],
            ),
            // Short names are Microsoft's habit alone.
            (
                &["https://api.example/mail"],
                Some("https://other.example/mail"),
                &["https://api.example/mail"],
            ),
        ];
        for (asked, granted, missing) in table {
            let asked: Vec<String> = asked.iter().map(|scope| (*scope).to_owned()).collect();
            assert_eq!(missing_scopes(&asked, granted), missing, "{asked:?} {granted:?}");
        }
    }

    #[test]
    fn what_is_missing_counts_only_where_mail_cannot_do_without() {
        let imap = "https://outlook.office.com/IMAP.AccessAsUser.All";
        let smtp = "https://outlook.office.com/SMTP.Send";
        let pop = "https://outlook.office.com/POP.AccessAsUser.All";
        let table: [(&[&str], &[&str], bool); 8] = [
            (&["openid", "imap"], &[], true),
            (&["openid", "imap"], &["imap"], false),
            (&[imap, smtp], &[smtp], true),
            (&[imap, smtp], &[imap], false),
            (&[imap, pop], &[pop], true),
            (&["openid", "email"], &[], true),
            (&["https://mail.google.com/", "openid"], &["https://mail.google.com/"], false),
            // A scope of an unknown name that is all that was asked for.
            (&["openid", "offline_access", "postbox"], &["postbox"], false),
        ];
        for (asked, missing, enough) in table {
            let owned = |scopes: &[&str]| scopes.iter().map(|s| (*s).to_owned()).collect::<Vec<_>>();
            assert_eq!(is_enough(&owned(asked), &owned(missing)), enough, "{asked:?} {missing:?}");
        }
    }
}
