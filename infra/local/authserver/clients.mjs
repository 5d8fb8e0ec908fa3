// The authorization server's clients: what a provider's app registrations are elsewhere.

const byCode = {
  response_types: ['code'],
  grant_types: ['authorization_code', 'refresh_token'],
  application_type: 'native',
  // A native client may use any port on loopback (RFC 8252 section 7.3).
  redirect_uris: ['http://127.0.0.1/callback'],
};
const byItself = { response_types: [], redirect_uris: [] };

export const MAIL_SERVER = 'dovecot';

export const clients = [
  // The one that the demo and most tests use.
  { client_id: 'postroom', client_secret: 'secret-of-postroom-0123456789', ...byCode },
  // The same with the secret in the body (RFC 6749 section 2.3.1).
  {
    client_id: 'postroom-post',
    client_secret: 'secret-of-postroom-0123456789',
    token_endpoint_auth_method: 'client_secret_post',
    ...byCode,
  },
  // Without a secret (RFC 6749 section 2.1).
  { client_id: 'postroom-public', token_endpoint_auth_method: 'none', ...byCode },
  // An app with rights of its own (RFC 6749 section 4.4).
  {
    client_id: 'postroom-app',
    client_secret: 'secret-of-postroom-0123456789',
    ...byItself,
    grant_types: ['client_credentials'],
  },
  // The mail server, which asks about tokens (RFC 7662) and gets none.
  { client_id: MAIL_SERVER, client_secret: 'secret-of-dovecot-0123456789', ...byItself, grant_types: [] },
];
