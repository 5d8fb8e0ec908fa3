// The authorization server's clients: what a provider's app registrations are elsewhere.

import { X509Certificate } from 'node:crypto';

const SECRET = 'secret-of-postroom-0123456789';
const DEVICE = 'urn:ietf:params:oauth:grant-type:device_code';

const byItself = { response_types: [], redirect_uris: [] };

export const MAIL_SERVER = 'dovecot';
export const SERVICE_ACCOUNT = 'postroom-service-account';

// `redirectUris` are compared exactly; `certificate` is PEM.
export function clients(redirectUris, certificate) {
  const byCode = {
    response_types: ['code'],
    grant_types: ['authorization_code', 'refresh_token', DEVICE],
    redirect_uris: redirectUris,
  };
  const publicKey = new X509Certificate(certificate).publicKey.export({ format: 'jwk' });
  return [
    // The one that the demo and most tests use, for administrators too.
    { client_id: 'postroom', client_name: 'Postroom', client_secret: SECRET, ...byCode },
    // The same with the secret in the body (RFC 6749 section 2.3.1).
    { client_id: 'postroom-post', client_secret: SECRET, token_endpoint_auth_method: 'client_secret_post', ...byCode },
    // Without a secret (RFC 6749 section 2.1).
    { client_id: 'postroom-public', token_endpoint_auth_method: 'none', ...byCode },
    // With a certificate (RFC 7523 section 2.2), for people and for rights of its own.
    {
      client_id: 'postroom-certificate',
      token_endpoint_auth_method: 'private_key_jwt',
      jwks: { keys: [{ ...publicKey, use: 'sig' }] },
      ...byCode,
      grant_types: [...byCode.grant_types, 'client_credentials'],
    },
    // An app with rights of its own (RFC 6749 section 4.4).
    { client_id: 'postroom-app', client_secret: SECRET, ...byItself, grant_types: ['client_credentials'] },
    // An old one that takes people's passwords (RFC 6749 section 4.3).
    { client_id: 'postroom-password', client_secret: SECRET, ...byItself, grant_types: ['password', 'refresh_token'] },
    // Whom the access tokens of service accounts are issued to; it asks for nothing itself.
    { client_id: SERVICE_ACCOUNT, client_secret: SECRET, ...byItself, grant_types: [] },
    // The mail server, which asks about tokens (RFC 7662) and gets none.
    { client_id: MAIL_SERVER, client_secret: 'secret-of-dovecot-0123456789', ...byItself, grant_types: [] },
  ];
}
