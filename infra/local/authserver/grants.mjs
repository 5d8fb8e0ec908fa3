// Two grants that the OpenID Provider does not have: a person's password, and a service account's
// signed statement as at Google.

import { createHash, createPublicKey, verify } from 'node:crypto';
import { errors } from 'oidc-provider';
import { SERVICE_ACCOUNT } from './clients.mjs';

export const SERVICE_ACCOUNT_TOKEN = '/google/token';

const JWT_BEARER = 'urn:ietf:params:oauth:grant-type:jwt-bearer';
const LONGEST_LIFE = 3600; // seconds; Google takes no longer statement
const LEEWAY = 60;

// A token set for a user without a sign-in.
export async function tokenSet(provider, { user, clientId, scope, gty, seconds }) {
  const client = await provider.Client.find(clientId);
  const grant = new provider.Grant({ clientId, accountId: user });
  grant.addOIDCScope(scope);
  const common = { accountId: user, client, grantId: await grant.save(), gty, scope };
  const access = new provider.AccessToken(common);
  if (seconds) access.expiresIn = Number(seconds);
  const answer = { access_token: await access.save(), token_type: 'Bearer', expires_in: access.expiration, scope };
  if (!client.grantTypeAllowed('refresh_token')) return answer;
  const authTime = Math.floor(Date.now() / 1000);
  const refresh = new provider.RefreshToken({ ...common, authTime, rotations: 0 });
  return { ...answer, refresh_token: await refresh.save() };
}

// RFC 6749 section 4.3. Everybody's password is "pw-" and the name, as at the mail server.
export function allowPasswords(provider) {
  const handler = async (ctx) => {
    const { client, params } = ctx.oidc;
    if (params.password !== `pw-${params.username}`) throw new errors.InvalidGrant('wrong user name or password');
    const scope = params.scope ?? 'mail';
    const asked = { user: params.username, clientId: client.clientId, scope, gty: 'password' };
    ctx.body = await tokenSet(provider, asked);
  };
  provider.registerGrantType('password', handler, ['username', 'password', 'scope']);
}

// RFC 7523 section 2.1 as Google has it for service accounts with domain-wide delegation: any user, one
// account, one key
// (https://developers.google.com/identity/protocols/oauth2/service-account#httprest).
export function serviceAccount(provider, issuer, account) {
  const publicKey = createPublicKey(account.private_key);
  return async (ctx) => {
    const { grant_type: grantType, assertion } = ctx.req.body;
    ctx.set('cache-control', 'no-store');
    try {
      if (grantType !== JWT_BEARER) throw refusal('unsupported_grant_type', 'only jwt-bearer here');
      const claims = verified(assertion, publicKey, account.private_key_id);
      check(claims, account.client_email, `${issuer}${SERVICE_ACCOUNT_TOKEN}`);
      const scope = String(claims.scope ?? '');
      const asked = { user: claims.sub, clientId: SERVICE_ACCOUNT, scope, gty: 'service_account' };
      const { refresh_token: _, ...answer } = await tokenSet(provider, asked);
      ctx.body = answer;
    } catch (error) {
      if (!error.refusal) throw error;
      ctx.status = error.refusal === 'unauthorized_client' ? 401 : 400;
      ctx.body = { error: error.refusal, error_description: error.message };
    }
  };
}

// The whole of a service account's key, as Google lets people download it.
export function serviceAccountKey(privateKey, issuer) {
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
  return {
    type: 'service_account',
    project_id: 'local',
    private_key_id: createHash('sha256').update(pem).digest('hex').slice(0, 40),
    private_key: pem,
    client_email: 'postroom@local.iam.gserviceaccount.test',
    client_id: '100000000000000000001',
    auth_uri: `${issuer}/auth`,
    token_uri: `${issuer}${SERVICE_ACCOUNT_TOKEN}`,
  };
}

function verified(assertion, key, keyId) {
  const [head, body, signature, ...more] = String(assertion ?? '').split('.');
  if (signature === undefined || more.length) throw refusal('invalid_grant', 'the assertion is no JWT');
  const header = parsed(head);
  if (header.alg !== 'RS256') throw refusal('invalid_grant', 'the assertion is not signed with RS256');
  if (header.kid && header.kid !== keyId) throw refusal('invalid_grant', 'no such key');
  const signed = verify('RSA-SHA256', Buffer.from(`${head}.${body}`), key, Buffer.from(signature, 'base64url'));
  if (!signed) throw refusal('invalid_grant', 'Invalid JWT Signature.');
  return parsed(body);
}

function check(claims, client, audience) {
  const now = Date.now() / 1000;
  if (claims.iss !== client) throw refusal('invalid_grant', 'Invalid grant: account not found');
  if (claims.aud !== audience) throw refusal('invalid_grant', `aud must be ${audience}`);
  const { iat, exp } = claims;
  const timely = iat <= now + LEEWAY && exp > now - LEEWAY && exp - iat <= LONGEST_LIFE;
  if (!timely) throw refusal('invalid_grant', 'Invalid JWT: Token must be a short-lived token (60 minutes)');
  if (!claims.scope) throw refusal('invalid_scope', 'the assertion asks for no scope');
  if (!claims.sub) throw refusal('unauthorized_client', 'the assertion names no user');
}

function parsed(part) {
  try {
    return JSON.parse(Buffer.from(part, 'base64url').toString());
  } catch {
    throw refusal('invalid_grant', 'the assertion is no JWT');
  }
}

function refusal(code, text) {
  return Object.assign(new Error(text), { refusal: code });
}
