//! What is Microsoft's own: its numeric error codes by who must act, and what an app of its own right
//! may ask for.

use postroom_model::{Cloud, FaultClass, Preset, Provider};

/// All that an app of its own right may ask Exchange Online for
/// (<https://learn.microsoft.com/exchange/client-developer/legacy-protocols/how-to-authenticate-an-imap-pop-smtp-application-by-using-oauth>).
pub(crate) fn app_only_scope(cloud: Cloud) -> &'static str {
    match cloud {
        Cloud::Global => "https://outlook.office365.com/.default",
        Cloud::UsGov => "https://outlook.office365.us/.default",
        Cloud::UsGovDod => "https://outlook-dod.office365.us/.default",
        Cloud::China => "https://partner.outlook.cn/.default",
    }
}

/// The directory of a Microsoft provider, or the name of many; `None` for another's provider.
pub(crate) fn tenant(provider: &Provider) -> Option<&str> {
    provider.tenant.as_deref().filter(|_| provider.preset == Preset::Microsoft)
}

/// The class of an AADSTS code; `None` for one that is not known here
/// (<https://learn.microsoft.com/entra/identity-platform/reference-error-codes>).
pub(crate) fn class(code: u64) -> Option<FaultClass> {
    Some(match code {
        50089 | 50132 | 50133 | 50173 | 70000 | 70008 | 70043 | 700082 | 700084 => {
            FaultClass::AuthorizationEnded
        }
        50072 | 50074 | 50076 | 50078 | 50079 | 50158 | 700020 => FaultClass::InteractionRequired,
        65001 | 65004 => FaultClass::ConsentRequired,
        90094 | 90095 | 650052 | 650056 => FaultClass::AdminConsentRequired,
        50034 | 50053 | 50055 | 50057 | 50105 | 50144 | 53000..=53003 | 53011 | 530032 => {
            FaultClass::AccountPolicy
        }
        50011 | 50194 | 70011 | 90002 | 700016 | 700027 | 7000112 | 7000215 | 7000222 => {
            FaultClass::AppRegistration
        }
        50033 | 50087 | 90006 | 90012 | 90024 | 90033 | 90055 | 90090 => FaultClass::TemporarilyUnavailable,
        // A loop that Microsoft detected; a code that was redeemed twice.
        50196 | 54005 => FaultClass::Bug,
        _ => return None,
    })
}

/// The class of a `suberror`, which tells more about an `invalid_grant` or `interaction_required`
/// (<https://learn.microsoft.com/entra/msal/dotnet/advanced/exceptions/msal-error-handling>).
pub(crate) fn suberror_class(suberror: &str) -> Option<FaultClass> {
    Some(match suberror {
        "basic_action" | "additional_action" => FaultClass::InteractionRequired,
        "consent_required" => FaultClass::ConsentRequired,
        "bad_token" | "token_expired" | "user_password_expired" => FaultClass::AuthorizationEnded,
        "message_only" | "protection_policy_required" => FaultClass::AccountPolicy,
        _ => return None,
    })
}

/// The code that begins a description: `AADSTS50173: …`.
pub(crate) fn code_in(description: &str) -> Option<u64> {
    let (_, rest) = description.split_once("AADSTS")?;
    let digits = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..digits].parse().ok()
}
