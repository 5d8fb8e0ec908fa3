//! What pages say about a consent and what came of it.

postroom_language::texts! {
    /// What pages say about a consent and what came of it.
    Consent
    leaving = "On to {host}" / "Weiter zu {host}";
    leaving_what = "You are sent to the authorization server to sign in. If nothing happens, use the button."
        / "Sie werden zur Anmeldung an den Autorisierungsserver weitergeleitet. Wenn nichts geschieht, nehmen Sie den Knopf.";
    leaving_as = "Sign in there as {login}." / "Melden Sie sich dort als {login} an.";
    leaving_go = "Go on" / "Weiter";

    authorised = "Authorised" / "Autorisiert";
    authorised_and_read = "Authorised, and mail can be read" / "Autorisiert, und Mail ist lesbar";
    authorised_but = "Authorised, but a mailbox does not open" / "Autorisiert, aber ein Postfach öffnet sich nicht";
    by = "Consent was given as {identity}." / "Zugestimmt wurde als {identity}.";
    by_nobody_named = "The server does not say who consented; make sure that it was the right user."
        / "Der Server sagt nicht, wer zugestimmt hat; prüfen Sie, dass es der richtige Benutzer war.";
    narrowed = "Not granted: {scopes}. What needs it does not work."
        / "Nicht gewährt: {scopes}. Was das braucht, geht nicht.";
    not_renewing = "The server gave no refresh token: this ends with the access token. Ask for a scope such as offline_access, or have refresh tokens allowed for the app registration."
        / "Der Server gab kein Refresh-Token: Das endet mit dem Access-Token. Verlangen Sie einen Scope wie offline_access, oder lassen Sie Refresh-Tokens für die App-Registrierung zu.";
    not_tried = "There was no time to try its mailboxes; the schedule does that now."
        / "Für einen Versuch mit den Postfächern fehlte die Zeit; das holt der Zeitplan jetzt nach.";
    no_mailboxes = "No mailbox uses this account yet." / "Noch nutzt kein Postfach dieses Konto.";
    some_tried = "{n} of its {all} mailboxes were tried; the schedule tries the others now."
        / "{n} der {all} Postfächer wurden probiert; die anderen probiert jetzt der Zeitplan.";
    opens = "Opens" / "Öffnet sich";
    messages = "Messages in its first folder: {n}." / "Nachrichten im ersten Ordner: {n}.";
    does_not_open = "Does not open" / "Öffnet sich nicht";

    failed = "Not authorised: something stood in the way" / "Nicht autorisiert: Etwas stand im Weg";
    declined = "Not authorised: consent was declined" / "Nicht autorisiert: Zustimmung abgelehnt";
    declined_what = "The person, or a rule of the directory, said no." / "Die Person oder eine Regel des Verzeichnisses hat abgelehnt.";
    declined_next = "Nothing was changed. Try again and accept what is asked for, or skip this account."
        / "Es wurde nichts geändert. Versuchen Sie es noch einmal und stimmen Sie zu, oder überspringen Sie dieses Konto.";
    wrong_person = "Not authorised: the wrong user signed in" / "Nicht autorisiert: Der falsche Benutzer war angemeldet";
    wrong_person_what = "This account belongs to {expected}; signed in was {signed_in}."
        / "Dieses Konto gehört zu {expected}; angemeldet war {signed_in}.";
    wrong_person_next = "Nothing was kept. Sign in as another user: the authorization server then asks who you are."
        / "Es wurde nichts behalten. Melden Sie sich als anderer Benutzer an: Der Autorisierungsserver fragt dann, wer Sie sind.";
    no_login = "Not authorised: it is not set whose account this is" / "Nicht autorisiert: Es ist nicht festgelegt, wem das Konto gehört";
    no_login_what = "Nobody has set `login` for this account, so that by a link only the person who consented last may do so again."
        / "Für dieses Konto ist kein `login` gesetzt. Über einen Link darf darum nur erneut zustimmen, wer es zuletzt getan hat.";
    no_login_next = "Nothing was kept. Sign in as that person, or ask an administrator of this Postroom to set `login` for the account."
        / "Es wurde nichts behalten. Melden Sie sich als diese Person an, oder bitten Sie die Betreuer dieses Postroom, für das Konto `login` zu setzen.";
    unidentified = "Not authorised: nobody knows who signed in" / "Nicht autorisiert: Unklar, wer angemeldet war";
    unidentified_what = "The server's word on who signed in cannot be trusted: {why}."
        / "Auf die Auskunft des Servers, wer angemeldet war, ist kein Verlass: {why}.";
    unidentified_next = "Nothing was kept. Try again; if it lasts, the issuer or the Client ID of the app registration is wrong."
        / "Es wurde nichts behalten. Versuchen Sie es noch einmal; bleibt es so, stimmt der Issuer oder die Client ID der App-Registrierung nicht.";
    missing = "Not authorised: a permission is missing" / "Nicht autorisiert: Eine Berechtigung fehlt";
    missing_what = "Mail cannot be read without: {scopes}." / "Ohne das lässt sich keine Mail lesen: {scopes}.";
    missing_next = "Nothing was kept. Try again and leave every permission ticked; if it is not offered, add it to the app registration."
        / "Es wurde nichts behalten. Versuchen Sie es noch einmal und lassen Sie alle Häkchen gesetzt; wird sie nicht angeboten, ergänzen Sie sie in der App-Registrierung.";
    not_by_consent = "Nobody needs to consent here" / "Hier muss niemand zustimmen";
    not_by_consent_what = "This account is the app's own: it has no person who signs in."
        / "Dieses Konto gehört der App selbst: Es gibt keine Person, die sich anmeldet.";
    not_by_consent_next = "Its page says what its directory needs." / "Seine Seite sagt, was sein Verzeichnis braucht.";
    changed = "Not authorised: the account has changed" / "Nicht autorisiert: Das Konto hat sich geändert";
    changed_what = "It was removed, or moved to another provider, while you signed in."
        / "Es wurde während der Anmeldung entfernt oder einem anderen Anbieter zugeordnet.";
    changed_next = "Look at it in the overview and start again." / "Sehen Sie es sich in der Übersicht an und beginnen Sie von vorn.";

    another = "Sign in as another user" / "Als anderer Benutzer anmelden";
    again = "Try again" / "Noch einmal versuchen";
}
