//! What mails say to operators of addresses that take no mail.

postroom_language::texts! {
    /// What mails say to operators of addresses that take no mail.
    Address
    subject = "Mail to {name} does not arrive: first seen on {date}"
        / "Mail an {name} kommt nicht an: zuerst bemerkt am {date}";
    bounced = "A mail to this address came back for good." / "Eine Mail an diese Adresse kam endgültig zurück.";
    returned = "The latest mail to this address came back for a reason that may pass, such as a full mailbox."
        / "Die letzte Mail an diese Adresse kam zurück, aus einem Grund, der vorübergehen kann, etwa einem vollen Postfach.";
    complained = "A mail to this address was reported as unwanted." / "Eine Mail an diese Adresse wurde als unerwünscht gemeldet.";
    refused = "SES does not send to this address: it is not verified while the account is in the sandbox, or it is no address that SES takes."
        / "SES sendet nicht an diese Adresse: Sie ist nicht verifiziert, solange das AWS-Konto in der Sandbox ist, oder SES nimmt eine solche Adresse nicht an.";
    invalid = "An account or a mailbox names this as its owner, and it is no mail address."
        / "Ein Konto oder ein Postfach nennt das als Eigentümer, und es ist keine Mailadresse.";
    codes = "Status code" / "Statuscode";
    otherwise = "This person hears of nothing that ends. Where nobody else owns it, the fall-back address or you hear of it."
        / "Diese Person erfährt von nichts, was endet. Gibt es sonst keine Eigentümer, erfahren es die Ersatzadresse oder Sie.";
    otherwise_returned = "This person may not hear of what ends. Where nobody else owns it, the fall-back address or you hear of it."
        / "Diese Person erfährt vielleicht nicht, was endet. Gibt es sonst keine Eigentümer, erfahren es die Ersatzadresse oder Sie.";
    correct_owner = "Correct the owner in the manifest and run `postroom apply`."
        / "Berichtigen Sie die Eigentümer im Manifest, und führen Sie `postroom apply` aus.";
    correct_deployment = "Deploy the stack with the right OperatorAddresses or FallbackAddress."
        / "Installieren Sie den Stack mit den richtigen OperatorAddresses oder der richtigen FallbackAddress.";
    to_do = "Is the address wrong? {correct} Is it right, and takes mail again? SES keeps it on its suppression list, and sends nothing to it until you take it off: `aws sesv2 delete-suppressed-destination --email-address {address}`. The next mail that arrives clears this."
        / "Ist die Adresse falsch? {correct} Ist sie richtig und nimmt wieder Mail an? SES führt sie auf seiner Sperrliste und sendet ihr nichts, bis Sie sie davon nehmen: `aws sesv2 delete-suppressed-destination --email-address {address}`. Die nächste Mail, die ankommt, hebt den Vermerk auf.";
    to_do_returned = "Perhaps nothing: the next mail that arrives clears this. If it lasts, ask the person. Is the address wrong? {correct}"
        / "Vielleicht nichts: Die nächste Mail, die ankommt, hebt den Vermerk auf. Falls es anhält, fragen Sie die Person. Ist die Adresse falsch? {correct}";
    to_do_refused = "Is the address wrong? {correct} Is it right? Have the AWS account let out of the sandbox, or verify the address: `aws sesv2 create-email-identity --email-identity {address}`. The next mail that arrives clears this."
        / "Ist die Adresse falsch? {correct} Ist sie richtig? Lassen Sie das AWS-Konto aus der Sandbox nehmen, oder verifizieren Sie die Adresse: `aws sesv2 create-email-identity --email-identity {address}`. Die nächste Mail, die ankommt, hebt den Vermerk auf.";
    open = "Open the list" / "Liste öffnen";
    console = "Opens the console, which lists all such addresses with what was said."
        / "Öffnet die Konsole, in der alle solchen Adressen stehen, mit der Antwort im Wortlaut.";

    many = "{n} addresses take no mail" / "{n} Adressen nehmen keine Mail an";
    addresses = "Addresses" / "Adressen";
    line = "{name}: {because}" / "{name}: {because}";
    because_bounced = "mail came back for good" / "Mail kam endgültig zurück";
    because_returned = "mail came back, which may pass" / "Mail kam zurück, vielleicht vorübergehend";
    because_complained = "mail was reported as unwanted" / "Mail wurde als unerwünscht gemeldet";
    because_refused = "SES does not send to it" / "SES sendet nicht an sie";
    because_invalid = "not a mail address" / "keine Mailadresse";
    otherwise_many = "These people hear of nothing that ends. Where nobody else owns it, the fall-back address or you hear of it."
        / "Diese Personen erfahren von nichts, was endet. Gibt es sonst keine Eigentümer, erfahren es die Ersatzadresse oder Sie.";
    to_do_many = "Correct the owners in the manifest and run `postroom apply`. An address that is right and takes mail again must also leave SES's suppression list: `aws sesv2 delete-suppressed-destination --email-address …`. The next mail that arrives clears it."
        / "Berichtigen Sie die Eigentümer im Manifest, und führen Sie `postroom apply` aus. Eine Adresse, die richtig ist und wieder Mail annimmt, muss auch von der Sperrliste von SES: `aws sesv2 delete-suppressed-destination --email-address …`. Die nächste Mail, die ankommt, hebt den Vermerk auf.";
}
