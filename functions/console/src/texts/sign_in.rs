//! What the page says on which administrators sign in.

postroom_language::texts! {
    /// What the page says on which administrators sign in.
    SignIn
    title = "Sign in" / "Anmelden";
    intro = "These pages are for the administrators of this Postroom. You sign in at your identity provider and come back here."
        / "Diese Seiten sind für die Administratoren dieses Postroom. Sie melden sich bei Ihrem Identity Provider an und kommen hierher zurück.";
    button = "Sign in with {provider}" / "Anmelden mit {provider}";
    owners = "You own a mailbox and want to re-authorise it? Open the personal link from your mail; you need no account here."
        / "Ihnen gehört ein Postfach, und Sie wollen es erneut autorisieren? Öffnen Sie den persönlichen Link aus Ihrer E-Mail; ein Konto brauchen Sie hier nicht.";
}
