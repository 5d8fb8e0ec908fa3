//! The overview of accounts and basic mailboxes.

postroom_language::texts! {
    /// The overview of accounts and basic mailboxes.
    Overview
    title = "Accounts and mailboxes" / "Konten und Postfächer";
    lead = "Every account that opens mailboxes, how it is doing, and when it must be authorised again."
        / "Jedes Konto, das Postfächer öffnet, wie es ihm geht und wann es erneut autorisiert werden muss.";
    filter = "Search and filter" / "Suchen und filtern";
    search = "Search" / "Suche";
    search_hint = "Name, login or owner" / "Name oder Eigentümer";
    show = "Show" / "Anzeigen";
    show_all = "Everything" / "Alles";
    show_needs = "What needs re-authorising" / "Was erneut autorisiert werden muss";
    show_soon = "What ends within 30 days" / "Was innerhalb von 30 Tagen endet";
    provider = "Provider" / "Anbieter";
    any_provider = "All providers" / "Alle Anbieter";
    owner = "Owner" / "Eigentümer";
    owner_hint = "Mail address" / "Mailadresse";
    apply = "Search" / "Suchen";
    clear = "Show everything" / "Alles anzeigen";

    accounts = "Accounts" / "Konten";
    all = "All accounts on this page" / "Alle Konten dieser Seite";
    select = "Select {id}" / "{id} auswählen";
    account = "Account" / "Konto";
    status = "Status" / "Zustand";
    ends = "Ends" / "Endet";
    renewed = "Last renewed" / "Zuletzt erneuert";
    mailboxes = "Mailboxes" / "Postfächer";
    owners = "Owners" / "Eigentümer";
    never = "Never" / "Nie";
    none = "None" / "Keine";
    more = "and {n} more" / "und {n} weitere";
    more_than = "and over {n} more" / "und über {n} weitere";
    by_provider = "by {provider}" / "über {provider}";

    authorise_selected = "Re-authorise selected" / "Ausgewählte erneut autorisieren";
    send_links = "Send links" / "Links senden";
    send_links_hint = "Each owner of a selected account, or of a mailbox that uses it, gets a mail with a personal link."
        / "Alle Eigentümer der ausgewählten Konten und ihrer Postfächer bekommen eine Mail mit einem persönlichen Link.";
    authorise_all = "Re-authorise all that need it" / "Alle erneut autorisieren, die es brauchen";

    empty = "No account fits this search." / "Kein Konto passt zu dieser Suche.";
    empty_searching = "Nothing on this page fits; the search goes on over the next one."
        / "Auf dieser Seite passt nichts; die Suche geht auf der nächsten weiter.";
    empty_at_all = "There are no accounts yet." / "Es gibt noch keine Konten.";
    empty_at_all_next = "Accounts come from the manifest: describe them there and run “postroom apply”."
        / "Konten kommen aus dem Manifest: Beschreiben Sie sie dort und führen Sie „postroom apply“ aus.";
    next = "Next page" / "Nächste Seite";
    back = "Previous page" / "Vorige Seite";
    first = "First page" / "Erste Seite";
    pages = "Pages of accounts" / "Seiten der Konten";
    pages_basic = "Pages of basic mailboxes" / "Seiten der Postfächer mit Passwort";

    basic = "Mailboxes with Basic auth" / "Postfächer mit Basic auth";
    basic_lead = "They sign in with their own password and need no authorization."
        / "Sie melden sich mit eigenem Passwort an und brauchen keine Autorisierung.";
    basic_lead_needs = "Those that fail. There is nothing to re-authorise: the mailbox's page says what to do."
        / "Jene, die fehlschlagen. Erneut zu autorisieren ist nichts: Die Seite des Postfachs sagt, was zu tun ist.";
    basic_lead_soon = "Those whose password ends within 30 days or has ended, as far as that was noted."
        / "Jene, deren Passwort innerhalb von 30 Tagen endet oder geendet hat, soweit das notiert ist.";
    password_ends = "Its password ends: {date}, {distance}." / "Sein Passwort endet: {date}, {distance}.";
    basic_empty = "No mailbox with Basic auth fits." / "Kein Postfach mit Basic auth passt.";
    mailbox = "Mailbox" / "Postfach";
    server = "Server" / "Server";
    fetched = "Fetched" / "Abgerufen";

    chain = "Re-authorising is under way: {done} of {all} done." / "Das erneute Autorisieren läuft: {done} von {all} erledigt.";
    chain_go_on = "Go on" / "Fortsetzen";
    incident = "{provider} refuses this app registration since {when}. Its accounts wait until that is mended."
        / "{provider} lehnt diese App-Registrierung seit {when} ab. Ihre Konten warten, bis das behoben ist.";
    incident_look = "Look at the app registration" / "App-Registrierung ansehen";

    timeline = "What ends when" / "Was wann endet";
    timeline_desc = "A bar chart of how many authorizations end in each of the next twelve months. The most is {most} in one month. The same figures stand in the table below."
        / "Ein Balkendiagramm, wie viele Autorisierungen in jedem der nächsten zwölf Monate enden. Die meisten in einem Monat sind {most}. Dieselben Zahlen stehen in der Tabelle darunter.";
    timeline_none = "No authorization ends within the next twelve months."
        / "In den nächsten zwölf Monaten endet keine Autorisierung.";
    timeline_hint = "Most renew themselves long before; the picture shows what would end if nothing happened. Passwords of mailboxes are not in it: “What ends within 30 days” lists them."
        / "Die meisten erneuern sich lange vorher; das Bild zeigt, was enden würde, wenn nichts geschähe. Passwörter von Postfächern fehlen darin: „Was innerhalb von 30 Tagen endet“ führt sie auf.";
    timeline_cut = "Only the next {n} are counted." / "Nur die nächsten {n} sind gezählt.";
    timeline_table = "As a table" / "Als Tabelle";
    month = "Month" / "Monat";
    count = "Authorizations that end" / "Autorisierungen, die enden";
    overdue = "Ended" / "Vorbei";
    overdue_long = "Ended already" / "Schon vorbei";
}
