//! How an account or a mailbox is doing, and who must act.

postroom_language::texts! {
    /// How an account or a mailbox is doing, and who must act.
    Condition
    works = "Works" / "Funktioniert";
    works_renews = "Renews itself {when}." / "Erneuert sich {when} von selbst.";
    works_renewed = "Renewed {when}." / "Erneuert {when}.";
    narrowed = "Works, with permissions missing" / "Funktioniert, aber Berechtigungen fehlen";
    narrowed_because = "Not granted: {scopes}. Re-authorise it and accept every permission."
        / "Nicht erteilt: {scopes}. Autorisieren Sie erneut und stimmen Sie allen Berechtigungen zu.";
    works_for_now = "Works for now" / "Funktioniert noch";
    works_for_now_because = "The last renewal failed and is tried again {when}."
        / "Die letzte Erneuerung schlug fehl und wird {when} wiederholt.";
    secret_ended_because = "The app's client secret or certificate was noted to end on {date}. The next renewal shows whether it does; the operator makes a new one, or corrects the date."
        / "Als Ende des Client secret oder Zertifikats der App ist der {date} notiert. Die nächste Erneuerung zeigt, ob es so ist; der Betreiber erzeugt ein neues oder berichtigt das Datum.";
    ends_soon = "Ends soon" / "Endet bald";
    ends_soon_owner = "Re-authorise it before {date}." / "Autorisieren Sie es vor dem {date} erneut.";
    ends_soon_operator = "The operator makes a new Client secret or certificate before {date}."
        / "Der Betreiber erzeugt vor dem {date} ein neues Client secret oder Zertifikat.";
    interrupted = "Interrupted" / "Unterbrochen";
    interrupted_because = "Postroom tries again by itself {when}." / "Postroom versucht es {when} von selbst erneut.";
    retry_soon = "soon" / "bald";
    not_authorised = "Not authorised yet" / "Noch nicht autorisiert";
    not_authorised_because = "Somebody must sign in and consent once." / "Jemand muss sich einmal anmelden und zustimmen.";
    not_tried = "Not tried yet" / "Noch nicht versucht";
    not_tried_because = "Postroom gets the first token by itself, within minutes."
        / "Postroom holt das erste Token selbst, innerhalb weniger Minuten.";
    ended = "Must be authorised again" / "Muss erneut autorisiert werden";
    ended_because = "The authorization ended {when}." / "Die Autorisierung endete {when}.";
    due = "Works, due to be authorised again" / "Funktioniert, erneute Autorisierung steht an";
    due_because = "An administrator wants it authorised anew since {date}. Mail is fetched meanwhile."
        / "Die Administration wünscht seit dem {date} eine erneute Autorisierung. Mail wird weiter abgerufen.";
    reauthorise = "Must be authorised again" / "Muss erneut autorisiert werden";
    provider = "The operator must mend the provider" / "Der Betreiber muss den Anbieter in Ordnung bringen";
    operator = "The operator must act" / "Der Betreiber muss handeln";
    administrator = "The directory's administrator must act" / "Die Administration des Verzeichnisses muss handeln";
    unexpected = "An answer that Postroom does not understand" / "Eine Antwort, die Postroom nicht versteht";

    governs_refresh_token = "Because the server gave the refresh token an end."
        / "Weil der Server dem Refresh-Token ein Ende gesetzt hat.";
    governs_idle_limit = "Only if nothing renews it until then; every renewal puts this off."
        / "Nur wenn es bis dahin niemand erneuert; jede Erneuerung schiebt das hinaus.";
    governs_access_token = "Because the server gave no refresh token: it ends with the access token."
        / "Weil der Server kein Refresh-Token gab: Es endet mit dem Access-Token.";
    governs_client_secret = "Because the app's client secret or certificate ends then."
        / "Weil dann das Client secret oder Zertifikat der App endet.";
    governs_provider_limit = "Because the provider ends every authorization some time after it was given."
        / "Weil der Anbieter jede Autorisierung einige Zeit nach der Zustimmung beendet.";
    governs_policy = "Because an administrator wants it authorised anew from time to time; mail is fetched meanwhile."
        / "Weil die Administration von Zeit zu Zeit eine erneute Autorisierung wünscht; Mail wird weiter abgerufen.";
    governs_refused = "Because it was revoked or is refused." / "Weil sie widerrufen wurde oder abgelehnt wird.";
    governs_password = "Because the mailbox's password ends then." / "Weil dann das Passwort des Postfachs endet.";
    governs_incident = "Because the server refuses the app registration." / "Weil der Server die App-Registrierung ablehnt.";
    governs_other = "Because a rule of the provider says so." / "Weil eine Regel des Anbieters es so vorsieht.";
    never_ends = "No end known" / "Kein Ende bekannt";
    has_ended = "Has ended" / "Ist beendet";
    not_begun = "Not begun" / "Noch nicht begonnen";

    actor_nobody = "Nobody: it is tried again by itself" / "Niemand: Es wird von selbst wiederholt";
    actor_owner = "The owner" / "Die Eigentümer";
    actor_operator = "The operator of this Postroom" / "Der Betreiber dieses Postroom";
    actor_administrator = "The administrator of the mail server or directory"
        / "Die Administration des Mailservers oder Verzeichnisses";
    actor_we = "The authors of Postroom" / "Die Entwickler von Postroom";

    mailbox_works = "Works" / "Funktioniert";
    mailbox_message = "1 message archived, new mail last {when}." / "1 Nachricht archiviert, neue Mail zuletzt {when}.";
    mailbox_messages = "{n} messages archived, new mail last {when}." / "{n} Nachrichten archiviert, neue Mail zuletzt {when}.";
    mailbox_new = "Nothing archived yet" / "Noch nichts archiviert";
    mailbox_fails = "Fails" / "Schlägt fehl";
    mailbox_fails_because = "It began {when}." / "Das begann {when}.";
    mailbox_rests = "Rests until its day is over" / "Ruht, bis sein Tag vorbei ist";
    mailbox_rests_because = "What may be read on one day is used up. It goes on {when}; nothing is lost."
        / "Was an einem Tag gelesen werden darf, ist aufgebraucht. Es geht {when} weiter; nichts geht verloren.";
    mailbox_paused = "Paused" / "Angehalten";
    mailbox_paused_because = "Somebody paused it {when}." / "Jemand hat es {when} angehalten.";
}
