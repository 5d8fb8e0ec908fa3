//! The page of one account, and what can be done with it.

postroom_language::texts! {
    /// The page of one account, and what can be done with it.
    Account
    title = "Account {id}" / "Konto {id}";
    back = "All accounts" / "Alle Konten";
    advice = "What to do" / "Was zu tun ist";
    facts = "What is known" / "Was bekannt ist";
    provider = "Provider" / "Anbieter";
    provider_missing = "{provider}, which does not exist any more" / "{provider}, den es nicht mehr gibt";
    grant = "How it is authorised" / "Wie es autorisiert wird";
    grant_authorization_code = "A person consents in the browser" / "Eine Person stimmt im Browser zu";
    grant_client_credentials = "The app's own rights, without a person" / "Eigene Rechte der App, ohne Person";
    grant_service_account = "A service account that acts for each mailbox's user"
        / "Ein Dienstkonto, das für jedes Postfach in dessen Namen handelt";
    grant_device_code = "A person consents on another device: run “postroom authorize {id} --device”, or use the button here"
        / "Eine Person stimmt auf einem anderen Gerät zu: mit „postroom authorize {id} --device“ oder mit dem Knopf hier";
    grant_password = "A person's password, sent to the Token URL" / "Das Passwort einer Person, an die Token URL gesendet";
    grant_password_warning = "This account sends a person's password to the Token URL. That is for old servers only: no second factor protects it. Use another way as soon as the server has one."
        / "Dieses Konto sendet das Passwort einer Person an die Token URL. Das ist nur für alte Server gedacht: Kein zweiter Faktor schützt es. Verwenden Sie einen anderen Weg, sobald der Server einen hat.";
    login = "Must sign in as" / "Muss sich anmelden als";
    login_any = "Anybody; no login is set" / "Beliebig; keine Anmeldung vorgegeben";
    identity = "Consented by" / "Zugestimmt hat";
    authorised = "{identity}, {when}" / "{identity}, {when}";
    authorised_unnamed = "Somebody whom the server did not name, {when}" / "Jemand, den der Server nicht nannte, {when}";
    scopes = "Scopes" / "Scopes";
    missing = "Not granted" / "Nicht erteilt";
    access_ends = "Access token ends" / "Access-Token endet";
    renewed = "Last renewed" / "Zuletzt erneuert";
    renews = "Renewed next" / "Nächste Erneuerung";
    ends = "Authorization ends" / "Autorisierung endet";
    reauthorise_every = "To be authorised anew" / "Erneut zu autorisieren";
    owners = "Owners" / "Eigentümer";
    owners_none = "None: nobody can be sent a link" / "Keine: Niemandem kann ein Link gesendet werden";
    owners_elsewhere = "None of its own; its mailboxes have some" / "Keine eigenen; seine Postfächer haben welche";
    unknown = "Not known" / "Nicht bekannt";
    never = "Never" / "Nie";

    reauthorise = "Re-authorise" / "Erneut autorisieren";
    authorise = "Authorise" / "Autorisieren";
    send_link = "Send the owners a link" / "Den Eigentümern einen Link senden";
    check = "Check now" / "Jetzt prüfen";
    revoke = "Revoke" / "Widerrufen";

    mailboxes = "Its mailboxes" / "Seine Postfächer";
    mailboxes_none = "No mailbox uses this account yet. Choose some below."
        / "Noch verwendet kein Postfach dieses Konto. Wählen Sie unten welche aus.";
    mailboxes_more = "Only the first {n} are shown." / "Nur die ersten {n} werden gezeigt.";
    mailbox = "Mailbox" / "Postfach";
    state = "Status" / "Zustand";
    last = "Last success" / "Letzter Erfolg";

    checked_title = "Checking {id}" / "{id} prüfen";
    checked_lead = "What happens when the account is used now." / "Was geschieht, wenn das Konto jetzt verwendet wird.";
    checked_token = "Access token" / "Access-Token";
    checked_token_ok = "There is one that counts." / "Es gibt eines, das gilt.";
    checked_ok = "Works" / "Funktioniert";
    checked_mailbox = "It opened. Messages in its first folder: {n}." / "Es ließ sich öffnen. Nachrichten im ersten Ordner: {n}.";
    checked_fails = "Fails" / "Schlägt fehl";
    checked_some = "{n} of its {all} mailboxes were tried." / "{n} seiner {all} Postfächer wurden probiert.";
    checked_none = "No mailbox uses this account yet, so that none was tried."
        / "Noch verwendet kein Postfach dieses Konto, daher wurde keines probiert.";
    back_to = "Back to the account" / "Zurück zum Konto";

    revoke_title = "Revoke {id}?" / "{id} widerrufen?";
    revoke_not = "There is nothing to revoke: the app has rights of its own, so that Postroom gets a new token whenever it needs one. To stop that, take these rights away at the provider, or the account out of the manifest."
        / "Es gibt nichts zu widerrufen: Die App hat eigene Rechte, mit denen Postroom bei Bedarf ein neues Token bekommt. Um das zu beenden, entziehen Sie ihr diese Rechte beim Anbieter oder nehmen Sie das Konto aus dem Manifest.";
    revoke_not_password = "There is nothing to revoke: with the person's password Postroom gets a new token whenever it needs one. To stop that, change the password at the provider, or take the account out of the manifest."
        / "Es gibt nichts zu widerrufen: Mit dem Passwort der Person bekommt Postroom bei Bedarf ein neues Token. Um das zu beenden, ändern Sie das Passwort beim Anbieter oder nehmen Sie das Konto aus dem Manifest.";
    revoke_what = "Postroom asks the provider to end this authorization, and forgets its tokens. There are no new ones until somebody authorises the account again. What was archived stays."
        / "Postroom bittet den Anbieter, diese Autorisierung zu beenden, und vergisst ihre Tokens. Neue gibt es erst, wenn jemand das Konto erneut autorisiert. Archiviertes bleibt.";
    revoke_until = "An access token that was issued already may open mailboxes until it ends: {when}."
        / "Ein schon ausgestelltes Access-Token kann Postfächer noch öffnen, bis es endet: {when}.";
    revoke_until_unknown = "An access token that was issued already may open mailboxes until it ends; the provider has not said when that is."
        / "Ein schon ausgestelltes Access-Token kann Postfächer noch öffnen, bis es endet; wann das ist, hat der Anbieter nicht gesagt.";
    revoke_count = "Mailboxes that stop: {n}" / "Postfächer, die stillstehen werden: {n}";
    revoke_yes = "Yes, revoke it" / "Ja, widerrufen";
    revoke_no = "No, keep it" / "Nein, behalten";
    revoked_title = "Revoking {id}" / "{id} widerrufen";
    revoked_at_server = "The provider ended the authorization, and Postroom has forgotten its tokens."
        / "Der Anbieter hat die Autorisierung beendet, und Postroom hat ihre Tokens vergessen.";
    revoked_here = "Postroom has forgotten the tokens. This provider has no way for an app to end an authorization: to be sure, remove the app's access on the provider's own pages too."
        / "Postroom hat die Tokens vergessen. Dieser Anbieter bietet Apps keinen Weg, eine Autorisierung zu beenden: Entfernen Sie den Zugriff der App sicherheitshalber auch auf den Seiten des Anbieters.";
    revoked_nothing = "There was nothing to revoke: the account had no tokens."
        / "Es gab nichts zu widerrufen: Das Konto hatte keine Tokens.";
    revoked_refused = "It was not revoked, and nothing was changed." / "Es wurde nicht widerrufen, und nichts wurde geändert.";
}
