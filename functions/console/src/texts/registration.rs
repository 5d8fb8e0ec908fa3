//! The app registrations at authorization servers.

postroom_language::texts! {
    /// The app registrations at authorization servers.
    Registration
    title = "App registrations" / "App-Registrierungen";
    lead = "What Postroom is known as at each authorization server. Its Client secrets and certificates lie in the vault and are never shown."
        / "Als was Postroom bei jedem Autorisierungsserver bekannt ist. Seine Client secrets und Zertifikate liegen im Tresor und werden nie gezeigt.";
    empty = "There are no app registrations yet." / "Es gibt noch keine App-Registrierungen.";
    empty_next = "They come from the manifest: describe one there and run “postroom apply”."
        / "Sie kommen aus dem Manifest: Beschreiben Sie dort eine und führen Sie „postroom apply“ aus.";
    redirect = "Redirect URL" / "Weiterleitungs-URL";
    redirect_lead = "Enter this redirect URL at every app registration, exactly as it stands here."
        / "Tragen Sie diese Weiterleitungs-URL bei jeder App-Registrierung ein, genau wie sie hier steht.";
    client_id = "Client ID" / "Client ID";
    auth = "Proves itself with" / "Weist sich aus mit";
    auth_public = "Nothing; it is a public client" / "Nichts; es ist ein öffentlicher Client";
    auth_secret = "Client secret" / "Client secret";
    auth_certificate = "Certificate" / "Zertifikat";
    auth_service_account = "Service account key" / "Schlüssel eines Dienstkontos";
    ends = "That ends" / "Das endet";
    ends_unknown = "Not known; say it in the manifest to be warned in time"
        / "Nicht bekannt; nennen Sie es im Manifest, um rechtzeitig gewarnt zu werden";
    ends_over = "Over since {date}: no token can be renewed any more. Enter a new one."
        / "Vorbei seit {date}: Kein Token lässt sich mehr erneuern. Tragen Sie ein neues ein.";
    ends_soon = "{date}, {distance}: make a new one in time." / "{date}, {distance}: Erzeugen Sie rechtzeitig ein neues.";
    issuer = "Issuer" / "Aussteller";
    authorize_url = "Authorization URL" / "Autorisierungs-URL";
    token_url = "Token URL" / "Token URL";
    tenant = "Directory" / "Verzeichnis";
    scopes = "Scopes" / "Scopes";
    scopes_none = "None; each account names its own" / "Keine; jedes Konto nennt eigene";
    administrators = "Administrators sign in here too." / "Auch die Administration meldet sich hier an.";
    password_warning = "Accounts may send a person's password to the Token URL here. That is for old servers only: no second factor protects it. Turn it off as soon as the server has another way."
        / "Konten dürfen hier das Passwort einer Person an die Token URL senden. Das ist nur für alte Server gedacht: Kein zweiter Faktor schützt es. Schalten Sie es ab, sobald der Server einen anderen Weg hat.";
    works = "No trouble known" / "Keine Störung bekannt";
    incident = "Refused by the server" / "Vom Server abgelehnt";
    incident_because = "It began {when}, and was last seen {seen}. The incident closes by itself once a renewal works again."
        / "Das begann {when} und zeigte sich zuletzt {seen}. Die Störung endet von selbst, sobald eine Erneuerung wieder gelingt.";
    accounts = "Accounts of this provider" / "Konten dieses Anbieters";
}
