//! The page of one mailbox: its settings, and what can be done with it.

postroom_language::texts! {
    /// The page of one mailbox: its settings, and what can be done with it.
    Mailbox
    title = "Mailbox {id}" / "Postfach {id}";
    back = "All accounts and mailboxes" / "Alle Konten und Postfächer";
    advice = "What to do" / "Was zu tun ist";
    archived = "Archived" / "Archiviert";
    archived_what = "{n} messages, {size}" / "{n} Nachrichten, {size}";
    last = "New mail last" / "Neue Mail zuletzt";
    polled = "Looked at last" / "Zuletzt nachgesehen";
    backlog = "Still to come" / "Noch ausstehend";
    quarantined = "In quarantine" / "In Quarantäne";
    left_out = "Left out by rules" / "Von Regeln ausgelassen";
    left_out_now = "{n} by the rules below" / "{n} von den Regeln unten";
    left_out_before = "{n}, the last of them by rules that were changed since"
        / "{n}, die letzten von Regeln, die seither geändert wurden";
    today = "Read today (UTC)" / "Heute gelesen (UTC)";
    today_of = "{n} of at most {most}" / "{n} von höchstens {most}";
    quarantine = "Messages in quarantine" / "Nachrichten in Quarantäne";
    quarantine_lead = "The archive lacks these messages, because they could not be fetched however often that was tried. Everything after them was."
        / "Diese Nachrichten fehlen im Archiv, weil sie sich trotz mehrerer Versuche nicht abrufen ließen. Alles danach wurde abgerufen.";
    quarantine_more = "Only the first {n} are shown; “postroom status” lists all." / "Nur die ersten {n} werden gezeigt; „postroom status“ nennt alle.";
    quarantine_uid = "{folder}, UID {n}" / "{folder}, UID {n}";
    quarantine_number = "Message {n} of the maildrop" / "Nachricht {n} des Postfachs";
    quarantine_at = "Since" / "Seit";
    quarantine_message = "Message" / "Nachricht";
    quarantine_why = "Why" / "Warum";
    never = "Never" / "Nie";
    attachments_base = "Its attachments lie under" / "Seine Anhänge liegen unter";
    folder_base = "Its mail lies in the archive under" / "Seine Mail liegt im Archiv unter";

    pause = "Pause" / "Anhalten";
    resume = "Resume" / "Fortsetzen";
    paused_note = "It is not fetched until somebody resumes it." / "Es wird nicht abgerufen, bis es jemand fortsetzt.";
    transcript = "Write a transcript for an hour" / "Eine Stunde lang mitschreiben";
    transcript_off = "Stop the transcript" / "Mitschreiben beenden";
    transcript_what = "A transcript is what Postroom and the server say to one another, with passwords, tokens and mail left out. It lies under {place} for seven days."
        / "Mitgeschrieben wird, was Postroom und der Server einander sagen, ohne Passwörter, Tokens und Mail. Es liegt sieben Tage lang unter {place}.";
    transcript_on = "A transcript is written until {when}." / "Es wird bis {when} mitgeschrieben.";

    settings = "Settings" / "Einstellungen";
    settings_hint = "If this mailbox stands in a manifest, change it there too: the next “postroom apply” writes what the manifest says."
        / "Steht dieses Postfach in einem Manifest, ändern Sie es auch dort: Das nächste „postroom apply“ schreibt, was im Manifest steht.";
    auth = "How it signs in" / "Wie es sich anmeldet";
    auth_basic = "Basic auth: with its own password" / "Basic auth: mit eigenem Passwort";
    auth_oauth = "OAuth: with an account" / "OAuth: mit einem Konto";
    account = "Account (with OAuth)" / "Konto (bei OAuth)";
    account_hint = "Begin to type an account's name." / "Beginnen Sie, den Namen eines Kontos zu tippen.";
    password = "Password (with Basic auth)" / "Passwort (bei Basic auth)";
    password_hint = "It is never shown. Leave it empty to keep the one there is."
        / "Es wird nie angezeigt. Lassen Sie das Feld leer, um das vorhandene zu behalten.";
    password_none = "There is none yet." / "Es gibt noch keines.";
    password_expires = "That password ends" / "Dieses Passwort endet";
    password_expires_hint = "A day such as 2027-09-30, or a moment with its offset from UTC; empty: not known. The owners are reminded in time."
        / "Ein Tag wie 2027-09-30 oder ein Zeitpunkt mit Abstand zu UTC; leer: nicht bekannt. Die Eigentümer werden rechtzeitig erinnert.";
    password_ends = "Password ends" / "Passwort endet";
    password_ends_then = "{date}, {distance}" / "{date}, {distance}";
    password_ended = "{date}, {distance}: enter the new one below." / "{date}, {distance}: Tragen Sie unten das neue ein.";
    password_ends_unknown = "Not known; say it below to have the owners reminded in time"
        / "Nicht bekannt; nennen Sie es unten, damit die Eigentümer rechtzeitig erinnert werden";
    owners = "Owners" / "Eigentümer";
    owners_none = "None of its own" / "Keine eigenen";
    server = "Mail server" / "Mailserver";
    protocol = "Protocol" / "Protokoll";
    host = "Host" / "Host";
    host_hint = "Empty: what the account's provider uses, where that is known."
        / "Leer: was der Anbieter des Kontos verwendet, wo das bekannt ist.";
    port = "Port" / "Port";
    port_hint = "Empty: the usual one, such as {port}" / "Leer: der übliche, etwa {port}";
    tls = "Protection of the connection" / "Schutz der Verbindung";
    tls_implicit = "TLS from the start" / "TLS von Anfang an";
    tls_starttls = "STARTTLS" / "STARTTLS";
    tls_none = "None" / "Keiner";
    user = "User name" / "Benutzername";
    fetching = "Fetching" / "Abrufen";
    folders = "Folders" / "Ordner";
    folders_hint = "One in each line. * and % stand for any name; \\Sent for the folder with that use."
        / "Einer je Zeile. * und % stehen für beliebige Namen; \\Sent für den Ordner mit diesem Zweck.";
    exclude_folders = "But not these" / "Aber nicht diese";
    exclude_folders_hint = "Folders that are left alone although they are named there, written in the same way."
        / "Ordner, die trotz ihrer Nennung dort nicht abgerufen werden, genauso geschrieben.";
    interval = "How often" / "Wie oft";
    after = "After a message is archived" / "Nach dem Archivieren einer Nachricht";
    after_leave = "Leave it at the server" / "Auf dem Server lassen";
    after_mark = "Mark it as read" / "Als gelesen markieren";
    after_move = "Move it to a folder" / "In einen Ordner verschieben";
    after_delete = "Delete it at the server" / "Auf dem Server löschen";
    move_to = "That folder" / "Dieser Ordner";
    rules = "Which messages" / "Welche Nachrichten";
    rules_hint = "What a rule leaves out is not archived, stays at the server and is counted. * stands for any text. Other rules look at everything again; nothing is archived twice."
        / "Was eine Regel auslässt, wird nicht archiviert, bleibt auf dem Server und wird gezählt. * steht für beliebigen Text. Geänderte Regeln sehen alles erneut durch; nichts wird doppelt archiviert.";
    from = "Only from these senders" / "Nur von diesen Absendern";
    not_from = "Not from these senders" / "Nicht von diesen Absendern";
    senders_hint = "One in each line, such as *@contoso.com" / "Einer je Zeile, etwa *@contoso.com";
    subject = "Only with these subjects" / "Nur mit diesen Betreffs";
    not_subject = "Not with these subjects" / "Nicht mit diesen Betreffs";
    subjects_hint = "One in each line, such as *newsletter*" / "Einer je Zeile, etwa *newsletter*";
    min_size = "At least this size" / "Mindestens so groß";
    max_size = "At most this size" / "Höchstens so groß";
    size_hint = "Such as 50MB; empty: any size" / "Etwa 50MB; leer: beliebig";
    since = "Received on this day or later" / "An diesem Tag oder später empfangen";
    since_hint = "A day such as 2026-01-01, in UTC; empty: any" / "Ein Tag wie 2026-01-01, in UTC; leer: beliebig";
    daily_limit = "At most on one day" / "Höchstens an einem Tag";
    daily_limit_hint = "What may be read from the server on one day (UTC), such as 2GB, so that polling never locks a person out. Empty: no limit."
        / "Was an einem Tag (UTC) vom Server gelesen werden darf, etwa 2GB, damit das Abrufen nie eine Person aussperrt. Leer: keine Grenze.";
    unpacking = "Attachments" / "Anhänge";
    attachments = "Unpack attachments beside the message" / "Anhänge neben der Nachricht auspacken";
    inline_images = "Images that belong to the text too" / "Auch Bilder, die zum Text gehören";
    save = "Save" / "Speichern";
    test = "Test the connection" / "Verbindung testen";
    test_hint = "A test uses what stands here and saves nothing." / "Ein Test verwendet, was hier steht, und speichert nichts.";

    saved = "Saved. The mailbox is tried again at once." / "Gespeichert. Das Postfach wird sofort erneut versucht.";
    moved_back = "Moved back. The mailbox is tried again at once." / "Zurückgestellt. Das Postfach wird sofort erneut versucht.";
    paused = "Paused." / "Angehalten.";
    resumed = "Resumed." / "Fortgesetzt.";
    transcribing = "The next runs are written down." / "Die nächsten Läufe werden mitgeschrieben.";
    not_transcribing = "Nothing is written down any more." / "Es wird nicht mehr mitgeschrieben.";
    wrong = "Nothing was saved. Please look at the fields that are marked."
        / "Es wurde nichts gespeichert. Bitte sehen Sie sich die markierten Felder an.";
    tested_ok = "The connection works" / "Die Verbindung funktioniert";
    tested_ok_because = "The server let us in. Messages in the first folder: {n}."
        / "Der Server hat uns eingelassen. Nachrichten im ersten Ordner: {n}.";
    tested_fails = "The connection does not work" / "Die Verbindung funktioniert nicht";
    tested_again = "For safety the password is not kept in this form: enter it again to save it."
        / "Zur Sicherheit bleibt das Passwort nicht in diesem Formular: Geben Sie es zum Speichern erneut ein.";

    wrong_account = "Choose an account that exists." / "Wählen Sie ein Konto, das es gibt.";
    wrong_password_missing = "Enter the password: there is none yet." / "Geben Sie das Passwort ein: Es gibt noch keines.";
    wrong_password_moved = "Enter the password again: the one that is kept is not sent to another host or for another user."
        / "Geben Sie das Passwort erneut ein: Das vorhandene wird nicht an einen anderen Host oder für einen anderen Benutzer gesendet.";
    wrong_password = "A password has no line breaks and no zero characters." / "Ein Passwort hat keine Zeilenumbrüche und keine Nullzeichen.";
    wrong_password_expires = "Enter a day such as 2027-09-30, or a moment with its offset from UTC such as 2027-09-30T12:00:00+02:00, or nothing."
        / "Geben Sie einen Tag wie 2027-09-30 ein, oder einen Zeitpunkt mit Abstand zu UTC wie 2027-09-30T12:00:00+02:00, oder nichts.";
    wrong_host_missing = "Enter the name of the mail server." / "Geben Sie den Namen des Mailservers ein.";
    wrong_host = "Enter only a name or an address, such as imap.example.com." / "Geben Sie nur einen Namen oder eine Adresse ein, etwa imap.example.com.";
    wrong_host_local = "That is the machine that Postroom itself runs on, or its own network link. Enter the mail server's name."
        / "Das ist die Maschine, auf der Postroom selbst läuft, oder ihre Netzverbindung. Geben Sie den Namen des Mailservers ein.";
    wrong_host_account = "This account's token is not sent there: none of the account's mailboxes is at this host. A new mail server for an account is added by the manifest (“postroom apply”)."
        / "Das Token dieses Kontos wird nicht dorthin gesendet: Keines seiner Postfächer liegt auf diesem Host. Ein neuer Mailserver für ein Konto wird im Manifest eingetragen („postroom apply“).";
    wrong_user_account = "This service account has no mailbox of this user. A new user for it is added by the manifest (“postroom apply”)."
        / "Dieses Dienstkonto hat kein Postfach dieses Benutzers. Ein neuer Benutzer wird im Manifest eingetragen („postroom apply“).";
    wrong_port = "Enter a number from 1 to 65535, or nothing." / "Geben Sie eine Zahl von 1 bis 65535 ein, oder nichts.";
    wrong_tls = "This would send the password or token unprotected, and the deployment does not allow that for this host. Choose TLS or STARTTLS."
        / "Das würde Passwort oder Token ungeschützt senden, und die Bereitstellung erlaubt das für diesen Host nicht. Wählen Sie TLS oder STARTTLS.";
    wrong_user = "Enter the user name, in one line." / "Geben Sie den Benutzernamen ein, in einer Zeile.";
    wrong_folders = "Enter at least one folder, one in each line, and at most 200." / "Geben Sie mindestens einen Ordner ein, einen je Zeile, höchstens 200.";
    wrong_folders_pop3 = "POP3 knows only the folder INBOX." / "POP3 kennt nur den Ordner INBOX.";
    wrong_interval = "Choose how often." / "Wählen Sie, wie oft.";
    wrong_after_pop3 = "POP3 can only leave or delete a message." / "POP3 kann eine Nachricht nur lassen oder löschen.";
    wrong_after = "Choose what happens then." / "Wählen Sie, was dann geschieht.";
    wrong_move_to = "Enter a folder that is not fetched itself." / "Geben Sie einen Ordner ein, der nicht selbst abgerufen wird.";
    wrong_exclude_folders = "Enter at most 200 folders, one in each line." / "Geben Sie höchstens 200 Ordner ein, einen je Zeile.";
    wrong_senders = "Without @ or * that is nobody's whole address: enter *@contoso.com for a domain, ann@* for a name."
        / "Ohne @ oder * ist das keine ganze Adresse: Geben Sie *@contoso.com für eine Domain ein, ann@* für einen Namen.";
    wrong_patterns = "Enter at most 100 lines without control characters." / "Geben Sie höchstens 100 Zeilen ohne Steuerzeichen ein.";
    wrong_size = "Enter a number with its unit, such as 500kB, 50MB or 2GB, or nothing."
        / "Geben Sie eine Zahl mit Einheit ein, etwa 500kB, 50MB oder 2GB, oder nichts.";
    wrong_sizes = "This is more than the largest size: every message would be left out."
        / "Das ist mehr als die Höchstgröße: Jede Nachricht würde ausgelassen.";
    wrong_since = "Enter a day such as 2026-01-01, or nothing." / "Geben Sie einen Tag wie 2026-01-01 ein, oder nichts.";
    wrong_daily_limit = "With this nothing would be fetched." / "Damit würde nichts abgerufen.";
    wrong_inline_images = "Unpack attachments too, or leave this out." / "Packen Sie auch Anhänge aus, oder lassen Sie dies weg.";
    wrong_choice = "Choose one of these." / "Wählen Sie eines davon.";
}
