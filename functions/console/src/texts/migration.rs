//! Moving mailboxes onto an account, and back.

postroom_language::texts! {
    /// Moving mailboxes onto an account, and back.
    Migration
    here = "Move mailboxes here" / "Postfächer hierher umstellen";
    here_lead = "From their own password, or from another account, onto this one. Each mailbox is rehearsed first: Postroom signs in with this account where the mailbox would be fetched, and changes nothing. You then see what came of it and decide. Cursors and archive stay, so that nothing is fetched again, also from POP3 to IMAP."
        / "Vom eigenen Passwort oder von einem anderen Konto auf dieses. Jedes Postfach wird zuerst geprobt: Postroom meldet sich mit diesem Konto dort an, wo das Postfach abgerufen würde, und ändert nichts. Danach sehen Sie das Ergebnis und entscheiden. Stände und Archiv bleiben, darum wird nichts erneut abgerufen, auch nicht von POP3 nach IMAP.";
    find = "Find mailboxes" / "Postfächer finden";
    find_hint = "Name, user, server or owner; empty for all" / "Name, Benutzer, Server oder Eigentümer; leer für alle";
    search = "Find" / "Finden";
    none = "No other mailbox fits." / "Kein anderes Postfach passt.";
    more = "There are more: search more narrowly, or choose a whole server." / "Es gibt weitere: Suchen Sie genauer, oder wählen Sie einen ganzen Server.";
    choose = "Which mailboxes" / "Welche Postfächer";
    all_at = "All with Basic auth at {host}" / "Alle mit Basic auth auf {host}";
    basic = "Basic auth" / "Basic auth";
    other = "account {account}" / "Konto {account}";
    where_to = "Where they are fetched from" / "Wo sie abgerufen werden";
    as_before = "As before" / "Wie bisher";
    protocol = "Protocol" / "Protokoll";
    host = "Mail server" / "Mailserver";
    host_hint = "As before means: where this account cannot open them, the provider's own."
        / "Wie bisher heißt: Wo dieses Konto sie nicht öffnen kann, der des Anbieters.";
    port = "Port" / "Port";
    port_hint = "Empty: as before, or the usual one where server or protocol change" / "Leer: wie bisher, oder der übliche, wenn Server oder Protokoll wechseln";
    tls = "Protection of the connection" / "Schutz der Verbindung";
    tls_implicit = "TLS from the start" / "TLS von Anfang an";
    tls_starttls = "STARTTLS" / "STARTTLS";
    rehearse = "Rehearse" / "Proben";
    rehearse_hint = "A rehearsal changes nothing." / "Eine Probe ändert nichts.";

    under_way = "Moving mailboxes is under way: {done} of {all} rehearsed." / "Die Umstellung läuft: {done} von {all} geprobt.";
    look = "Look at it" / "Ansehen";

    title = "Moving mailboxes to {account}" / "Postfächer auf {account} umstellen";
    standing = "{n} of {all} rehearsed. Nothing was changed." / "{n} von {all} geprobt. Es wurde nichts geändert.";
    standing_over = "All {all} rehearsed. Nothing was changed." / "Alle {all} geprobt. Es wurde nichts geändert.";
    standing_switched = "{n} of {all} switched. The others are as they were."
        / "{n} von {all} umgestellt. Die anderen sind, wie sie waren.";
    left_out = "At most {most} mailboxes go in one run; {n} more wait for another."
        / "In einem Durchgang sind es höchstens {most} Postfächer; {n} weitere warten auf den nächsten.";
    going_on = "The next ones follow by themselves." / "Die nächsten folgen von selbst.";
    go = "Continue" / "Weiter";
    stop = "Stop" / "Anhalten";
    repeat = "Rehearse those again that were left" / "Was blieb, erneut proben";
    switch = "Switch those that opened ({n})" / "Die umstellen, die sich öffnen ließen ({n})";
    results = "What came of each" / "Was sich bei jedem ergab";
    mailbox = "Mailbox" / "Postfach";
    result = "Result" / "Ergebnis";
    back = "Back to the account" / "Zurück zum Konto";
    nothing = "No mailboxes are being moved" / "Es werden keine Postfächer umgestellt";
    nothing_what = "No mailbox was chosen, or what was rehearsed is more than a day old. Choose mailboxes on an account's page."
        / "Es war kein Postfach ausgewählt, oder die Proben sind älter als ein Tag. Wählen Sie Postfächer auf der Seite eines Kontos.";
    to_overview = "To the overview" / "Zur Übersicht";

    to_come = "To come" / "Noch offen";
    opened = "Opens with the account" / "Lässt sich mit dem Konto öffnen";
    opened_because = "Messages in its first folder: {n}." / "Nachrichten im ersten Ordner: {n}.";
    switched = "Switched" / "Umgestellt";
    already = "Already on this account" / "Schon bei diesem Konto";
    left = "Left as it was" / "Gelassen, wie es war";
    left_host = "None of the account's mailboxes is at its mail server, and this account's token goes nowhere new. A new mail server for an account is added by the manifest (“postroom apply”)."
        / "Keines der Postfächer dieses Kontos liegt auf seinem Mailserver, und das Token des Kontos geht nirgends neu hin. Ein neuer Mailserver für ein Konto wird im Manifest eingetragen („postroom apply“).";
    left_user = "This service account has no mailbox of its user. A new user for it is added by the manifest (“postroom apply”)."
        / "Dieses Dienstkonto hat kein Postfach seines Benutzers. Ein neuer Benutzer wird im Manifest eingetragen („postroom apply“).";
    left_folders = "POP3 knows only the folder INBOX, and it fetches others." / "POP3 kennt nur den Ordner INBOX, und es ruft andere ab.";
    left_after = "POP3 can only leave or delete a message, and it marks or moves them."
        / "POP3 kann eine Nachricht nur lassen oder löschen, und es markiert oder verschiebt sie.";
    left_changed = "It, or the account, was changed after the rehearsal. Rehearse it again."
        / "Es oder das Konto wurde nach der Probe geändert. Proben Sie es erneut.";
    gone = "There is no such mailbox any more" / "Dieses Postfach gibt es nicht mehr";

    confirm_title = "Switch mailboxes to {account}?" / "Postfächer auf {account} umstellen?";
    confirm_count = "Mailboxes that are switched: {n}" / "Postfächer, die umgestellt werden: {n}";
    confirm_what = "From now on Postroom signs in to them with this account. Their passwords stay in the vault, and each mailbox's page has a way back. Mailboxes that did not open stay as they are."
        / "Von nun an meldet sich Postroom mit diesem Konto bei ihnen an. Ihre Passwörter bleiben im Tresor, und die Seite jedes Postfachs hat einen Weg zurück. Postfächer, die sich nicht öffnen ließen, bleiben, wie sie sind.";
    manifest = "If these mailboxes stand in a manifest, change them there too: the next “postroom apply” writes what the manifest says."
        / "Stehen diese Postfächer in einem Manifest, ändern Sie sie auch dort: Das nächste „postroom apply“ schreibt, was im Manifest steht.";
    confirm_yes = "Yes, switch" / "Ja, umstellen";
    confirm_no = "No, leave them" / "Nein, so lassen";

    former = "Before it was moved" / "Vor der Umstellung";
    former_basic = "Until {when} it signed in with its own password, as {user} at {place}."
        / "Bis {when} meldete es sich mit eigenem Passwort an, als {user} bei {place}.";
    former_account = "Until {when} it signed in with the account {account}, as {user} at {place}."
        / "Bis {when} meldete es sich mit dem Konto {account} an, als {user} bei {place}.";
    back_basic = "Back to the password" / "Zurück zum Passwort";
    back_account = "Back to the account {account}" / "Zurück zum Konto {account}";
    back_hint = "It is rehearsed first, and you are asked." / "Zuerst wird geprobt, und Sie werden gefragt.";
    back_title = "Move {id} back?" / "{id} zurückstellen?";
    back_opens = "It opens as it was before. Messages in its first folder: {n}."
        / "Es lässt sich öffnen, wie es vorher war. Nachrichten im ersten Ordner: {n}.";
    back_what = "Sign-in, server, folders and rules become what they were before it was moved; owners, tags and how often stay. What was archived stays too, and nothing is fetched again."
        / "Anmeldung, Server, Ordner und Regeln werden, was sie vor der Umstellung waren; Eigentümer, Tags und Abrufzeit bleiben. Auch Archiviertes bleibt, und nichts wird erneut abgerufen.";
    back_yes = "Yes, move it back" / "Ja, zurückstellen";
    back_no = "No, leave it" / "Nein, so lassen";
    back_fails = "It does not open as it was before" / "Es lässt sich nicht öffnen, wie es vorher war";
    back_works = "Opens as before" / "Lässt sich öffnen wie vorher";
    back_left = "It was left as it is." / "Es wurde gelassen, wie es ist.";
    to_mailbox = "Back to the mailbox" / "Zurück zum Postfach";
}
