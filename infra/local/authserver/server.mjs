// The authorization server of the local stack: a certified OpenID Provider. Any user exists; one named
// admin@… is in the group postroom-admins. Refresh tokens rotate, and one that is used twice revokes its
// whole grant, as the strict providers do (RFC 9700 section 4.14.2).
//
// node server.mjs SETTINGS        SETTINGS is a JSON file that authserver.py writes

import Provider from 'oidc-provider';
import { createPrivateKey, generateKeyPairSync } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { parse } from 'node:querystring';
import { clients, MAIL_SERVER } from './clients.mjs';
import { controls } from './controls.mjs';
import { allowPasswords, SERVICE_ACCOUNT_TOKEN, serviceAccount, serviceAccountKey } from './grants.mjs';
import { pages, url } from './pages.mjs';
import { open } from './store.mjs';

const settings = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const issuer = `http://127.0.0.1:${settings.port}`;

const store = open(settings.issued);

const DAYS = 24 * 3600;
const key = (name) =>
  store.keep(name, () => generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }));
const signing = { ...key('signing key'), kid: 'signing', use: 'sig', alg: 'RS256' };

const account = serviceAccountKey(createPrivateKey({ key: key('service account'), format: 'jwk' }), issuer);
writeFileSync(settings.serviceAccount, JSON.stringify(account), { mode: 0o600 });

const person = (id) => ({
  sub: id,
  email: id.includes('@') ? id : `${id}@postroom.test`,
  // One address that nobody has verified, for tests.
  email_verified: !id.startsWith('unverified'),
  name: id.split('@')[0],
  preferred_username: id,
  groups: id.startsWith('admin@') ? ['postroom-admins'] : [],
});

let life = () => undefined;
const provider = new Provider(issuer, {
  clients: clients(settings.redirectUris, readFileSync(settings.certificate, 'utf8')),
  adapter: store.Adapter,
  jwks: { keys: [signing] },
  cookies: { keys: ['local'] },
  scopes: ['openid', 'offline_access', 'email', 'profile', 'groups', 'mail'],
  claims: {
    openid: ['sub', 'email', 'email_verified', 'preferred_username'],
    email: ['email', 'email_verified'],
    profile: ['name', 'preferred_username'],
    groups: ['groups'],
  },
  conformIdTokenClaims: false, // the claims are in the id_token, nobody has to ask for them
  findAccount: (ctx, id) => ({ accountId: id, claims: async () => person(id) }),
  interactions: { url },
  pkce: { required: () => true },
  rotateRefreshToken: true,
  issueRefreshToken: async (ctx, client) => client.grantTypeAllowed('refresh_token'),
  expiresWithSession: async () => false,
  ttl: {
    AccessToken: (ctx, token) => life(token.accountId) ?? settings.accessTokenSeconds,
    ClientCredentials: 600,
    AuthorizationCode: 60,
    DeviceCode: 600,
    IdToken: 3600,
    Interaction: 600,
    Session: 1 * DAYS,
    Grant: 14 * DAYS,
    RefreshToken: 14 * DAYS,
  },
  features: {
    devInteractions: { enabled: false },
    clientCredentials: { enabled: true },
    deviceFlow: { enabled: true },
    introspection: {
      enabled: true,
      // The mail server may ask about any access token, others about their own.
      allowedPolicy: (ctx, client, token) =>
        client.clientId === MAIL_SERVER ? token.kind !== 'RefreshToken' : token.clientId === client.clientId,
    },
    revocation: { enabled: true, allowedPolicy: (ctx, client, token) => client.clientId === token.clientId },
  },
});
allowPasswords(provider);

// Forms are read once, for everything below and for the provider itself.
provider.use(async (ctx, next) => {
  if (ctx.method === 'POST' && ctx.is('application/x-www-form-urlencoded')) {
    const chunks = [];
    for await (const chunk of ctx.req) chunks.push(chunk);
    ctx.req.body = { ...parse(Buffer.concat(chunks).toString()) };
  } else {
    ctx.req.body = {};
  }
  await next();
});
const control = controls(provider, store);
life = control.life;
provider.use(control.middleware);
// An app with rights of its own is nobody; the mail server needs a name to look up what it may open.
provider.use(async (ctx, next) => {
  await next();
  if (ctx.path === '/token/introspection' && ctx.body?.active) ctx.body = { sub: ctx.body.client_id, ...ctx.body };
});
provider.use(pages(provider));
const forServiceAccounts = serviceAccount(provider, issuer, account);
provider.use((ctx, next) =>
  ctx.path === SERVICE_ACCOUNT_TOKEN && ctx.method === 'POST' ? forServiceAccounts(ctx) : next(),
);
provider.on('server_error', (ctx, error) => console.error('server error', error));
provider.on('grant.error', (ctx, error) => console.error('refused', error.message, error.error_detail ?? ''));
provider.listen(settings.port, '127.0.0.1', () => console.log(`issuer ${issuer}`));

process.on('SIGTERM', () => {
  store.close();
  process.exit(0);
});
