//! What owners read who came by a personal link.

postroom_language::texts! {
    /// What owners read who came by a personal link.
    Owner
    link_title = "Re-authorise your mail fetching" / "Autorisieren Sie Ihren Mailabruf erneut";
    link_what = "This link opens the page of your account. It works once; the page then stays open for half an hour."
        / "Dieser Link öffnet die Seite Ihres Kontos. Er gilt einmal; die Seite bleibt dann eine halbe Stunde offen.";
    link_open = "Open my account" / "Mein Konto öffnen";

    title = "Your account" / "Ihr Konto";
    lead = "Postroom fetches mail from these mailboxes with your consent."
        / "Postroom ruft mit Ihrer Zustimmung Mail aus diesen Postfächern ab.";
    login = "Sign in as {login}." / "Melden Sie sich als {login} an.";
    no_mailboxes = "No mailbox uses this account yet." / "Noch nutzt kein Postfach dieses Konto.";
    others = "Other mailboxes that use this account: {n}" / "Weitere Postfächer, die dieses Konto nutzen: {n}";
    others_fail = "Other mailboxes that use this account: {n}, of which {fail} do not work"
        / "Weitere Postfächer, die dieses Konto nutzen: {n}, davon {fail} gestört";
    others_tried = "Other mailboxes that were tried: {n}, of which {open} open"
        / "Weitere probierte Postfächer: {n}, davon öffnen sich {open}";
    more = "and {n} more" / "und {n} weitere";
    authorise = "Sign in and authorise" / "Anmelden und autorisieren";
    after = "You sign in at your usual provider and come back here. Postroom never sees your password."
        / "Sie melden sich bei Ihrem gewohnten Anbieter an und kommen hierher zurück. Ihr Passwort sieht Postroom nie.";
    done = "Done: you can close this page." / "Fertig: Sie können diese Seite schließen.";
}
