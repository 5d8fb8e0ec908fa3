//! What the pages say on which many accounts are authorised one after another.

postroom_language::texts! {
    /// What the pages say on which many accounts are authorised one after another.
    Chain
    title = "Re-authorising" / "Erneutes Autorisieren";
    standing = "Account {n} of {all}" / "Konto {n} von {all}";
    stopped_title = "Re-authorising is stopped" / "Das erneute Autorisieren ist angehalten";
    stopped = "{n} of {all} accounts are done." / "{n} von {all} Konten sind erledigt.";
    over_title = "Re-authorising is done" / "Das erneute Autorisieren ist fertig";
    over = "All {all} accounts have had their turn." / "Alle {all} Konten waren an der Reihe.";
    left_out = "At most {most} accounts go in one run; {n} more wait for another."
        / "In einem Durchgang sind es höchstens {most} Konten; {n} weitere warten auf den nächsten.";
    none = "Nothing to re-authorise" / "Nichts zu autorisieren";
    none_what = "No account was selected, or none needs it. Select accounts in the overview."
        / "Es wurde kein Konto ausgewählt, oder keines braucht es. Wählen Sie Konten in der Übersicht.";

    last = "The last one: {account}" / "Das letzte: {account}";
    skipped_it = "It was skipped." / "Es wurde übersprungen.";
    next = "Next: {account}" / "Als Nächstes: {account}";
    next_as = "Sign in as {login}." / "Melden Sie sich als {login} an.";
    next_anybody = "Sign in as the user who opens its mailboxes."
        / "Melden Sie sich als der Benutzer an, der seine Postfächer öffnet.";
    going_on = "You are sent on in {n} seconds." / "In {n} Sekunden geht es von selbst weiter.";
    go = "Continue" / "Weiter";
    skip = "Skip" / "Überspringen";
    stop = "Stop" / "Anhalten";
    resume = "Go on" / "Fortsetzen";
    repeat = "Repeat those that are not authorised" / "Was nicht autorisiert ist, wiederholen";
    back = "To the overview" / "Zur Übersicht";

    steps = "All accounts of this run" / "Alle Konten dieses Durchgangs";
    works = "Works" / "Funktioniert";
    unwell = "Authorised, a mailbox does not open" / "Autorisiert, ein Postfach öffnet sich nicht";
    failed = "Not authorised" / "Nicht autorisiert";
    skipped = "Skipped" / "Übersprungen";
    to_come = "To come" / "Noch offen";
}
