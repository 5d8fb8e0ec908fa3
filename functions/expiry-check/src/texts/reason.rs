//! Why something ends, and what an administrator does about a refusal.

postroom_language::texts! {
    /// Why something ends, and what an administrator does about a refusal.
    Reason
    refresh_token = "The sign-in service said so when the authorization was given: it does not last longer."
        / "Das hat der Anmeldedienst bei der Autorisierung so festgelegt: Länger gilt sie nicht.";
    idle_limit = "The sign-in service ends an authorization that is not used for {days} days, and it could not be renewed of late."
        / "Der Anmeldedienst beendet eine Autorisierung, die {days} Tage nicht genutzt wird, und zuletzt ließ sie sich nicht erneuern.";
    access_token = "The sign-in service lets nobody renew this authorization: it lasts as long as its first token."
        / "Der Anmeldedienst lässt diese Autorisierung nicht erneuern: Sie gilt so lange wie ihr erstes Token.";
    provider_limit = "The sign-in service ends every authorization after {days} days."
        / "Der Anmeldedienst beendet jede Autorisierung nach {days} Tagen.";
    policy = "Your administrators want it authorised again {every}." / "Die Administration wünscht {every} eine erneute Autorisierung.";
    other = "A rule of the sign-in service says so." / "Eine Regel des Anmeldedienstes sieht das vor.";

    unauthorised = "The account is not authorised: nobody has done so yet, or an administrator has revoked the authorization."
        / "Das Konto ist nicht autorisiert: Das hat noch niemand getan, oder die Administration hat die Autorisierung widerrufen.";
    authorization_ended = "The authorization was withdrawn, or the sign-in service has ended it: a new password can do that."
        / "Die Autorisierung wurde widerrufen, oder der Anmeldedienst hat sie beendet: Ein neues Passwort kann das auslösen.";
    interaction_required = "The sign-in service wants you to sign in again, perhaps with a second factor."
        / "Der Anmeldedienst verlangt, dass Sie sich neu anmelden, vielleicht mit einem zweiten Faktor.";
    consent_required = "Not everything that is asked for was consented to." / "Nicht allem Verlangten wurde zugestimmt.";
    token_refused = "The mail server has refused the authorization for more than a day."
        / "Der Mailserver lehnt die Autorisierung seit mehr als einem Tag ab.";
    admin_consent_required = "The directory lets only an administrator give this consent."
        / "Das Verzeichnis lässt nur die Administration diese Zustimmung erteilen.";
    account_policy = "A rule of the directory, or the state of the person's account, stands in the way."
        / "Eine Regel des Verzeichnisses oder der Zustand des Benutzerkontos steht im Weg.";
    refused = "The sign-in is refused, and does not mend by itself." / "Die Anmeldung wird abgelehnt, und das gibt sich nicht von selbst.";

    admin_consent_to_do = "Ask an administrator of the directory to consent to the app for everyone. Postroom goes on by itself, or the account is authorised again."
        / "Bitten Sie die Administration des Verzeichnisses, der App für alle zuzustimmen. Postroom macht von selbst weiter, oder das Konto wird erneut autorisiert.";
    account_policy_to_do = "Have the person's account checked in the directory: disabled, locked, not assigned to the app, or kept out by conditional access."
        / "Lassen Sie das Benutzerkonto im Verzeichnis prüfen: deaktiviert, gesperrt, der App nicht zugewiesen oder durch bedingten Zugriff ausgeschlossen.";
    refused_to_do = "Open the account in the console: it shows what the server said. Mend it there, and check the account again."
        / "Öffnen Sie das Konto in der Konsole: Sie zeigt, was der Server sagt. Beheben Sie es dort, und prüfen Sie das Konto erneut.";
}
