//! What stands on every page.

postroom_language::texts! {
    /// What stands on every page.
    Layout
    skip = "Skip to the content" / "Zum Inhalt springen";
    navigation = "Main navigation" / "Hauptnavigation";
    accounts = "Accounts" / "Konten";
    providers = "App registrations" / "App-Registrierungen";
    reminders = "Reminders" / "Erinnerungen";
    language = "Language" / "Sprache";
    signed_in_as = "Signed in as {who}" / "Angemeldet als {who}";
    sign_out = "Sign out" / "Abmelden";
}
