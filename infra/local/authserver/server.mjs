// The authorization server of the local stack: a certified OpenID Provider. Any user exists. Refresh tokens rotate, and one that is used twice revokes its whole grant, as the
// strict providers do (RFC 9700 section 4.14.2).
//
// node server.mjs PORT [FILE]     FILE keeps what was issued from one start to the next

import Provider from 'oidc-provider';
import { generateKeyPairSync } from 'node:crypto';
import { clients, MAIL_SERVER } from './clients.mjs';
import { controls } from './controls.mjs';
import { open } from './store.mjs';

const port = Number(process.argv[2]);
const issuer = `http://127.0.0.1:${port}`;

const store = open(process.argv[3]);

const DAYS = 24 * 3600;
const signing = store.keep('signing key', () => {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  return { ...privateKey.export({ format: 'jwk' }), kid: 'signing', use: 'sig', alg: 'RS256' };
});

const provider = new Provider(issuer, {
  clients,
  adapter: store.Adapter,
  jwks: { keys: [signing] },
  cookies: { keys: ['local'] },
  scopes: ['openid', 'offline_access', 'mail'],
  claims: { openid: ['sub', 'email'] },
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => ({ sub: id, email: id }) }),
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  ttl: {
    AccessToken: 3600,
    ClientCredentials: 600,
    AuthorizationCode: 60,
    IdToken: 3600,
    Interaction: 600,
    Session: 1 * DAYS,
    Grant: 14 * DAYS,
    RefreshToken: 14 * DAYS,
  },
  features: {
    devInteractions: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: {
      enabled: true,
      // The mail server may ask about any access token, others about their own.
      allowedPolicy: (ctx, client, token) =>
        client.clientId === MAIL_SERVER ? token.kind !== 'RefreshToken' : token.clientId === client.clientId,
    },
    revocation: { enabled: true, allowedPolicy: (ctx, client, token) => client.clientId === token.clientId },
  },
});

provider.use(controls(provider));
provider.on('server_error', (ctx, error) => console.error('server error', error));
provider.on('grant.error', (ctx, error) => console.error('refused', error.message, error.error_detail ?? ''));
provider.listen(port, '127.0.0.1', () => console.log(`issuer ${issuer}`));

process.on('SIGTERM', () => {
  store.close();
  process.exit(0);
});
