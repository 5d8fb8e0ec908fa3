// What tests do to the authorization server, under /control/ and from loopback only, because that is
// all it listens on. With a `user` only that user's token requests are meant, so that tests which run
// side by side do not disturb one another.
//
//   POST /control/token?user=U[&client=C][&seconds=N]    a token set for U, without the sign-in
//   POST /control/life?seconds=N[&user=U]                how long access tokens live from now on
//   POST /control/revoke?user=U                          everything that U ever consented to
//   POST /control/device?code=C&user=U[&deny=1]          what U says to a device's user code
//   POST /control/fail?count=N[&user=U][&status=S][&error=E][&retry_after=N][&body=html|large]
//                                                        the next N token requests fail so
//   POST /control/withhold?count=N[&user=U]              the next N token requests are worked, and the
//                                                        connection is closed instead of an answer
//   POST /control/slow?milliseconds=N[&user=U]           every token request takes that much longer
//   POST /control/refresh-expires-in?seconds=N[&user=U]  token answers say when the refresh token ends
//   GET  /control/requests                               how often each path was asked
//   GET  /control/refreshes?user=U                       how often U's refresh tokens were used: granted, refused
//   POST /control/reset                                  as after the start; tokens and counts of users stay

import { SERVICE_ACCOUNT_TOKEN, tokenSet } from './grants.mjs';

const TOKEN_PATHS = new Set(['/token', SERVICE_ACCOUNT_TOKEN]);
const EVERYBODY = '';
const LARGE = 1_000_000; // bytes

const fresh = () => ({ fail: {}, withhold: {}, slow: {}, life: {}, refreshExpiresIn: {}, requests: {} });

export function controls(provider, store) {
  let state = fresh();
  const refreshes = {};

  const actions = {
    'POST token': async ({ user, client = 'postroom', seconds = life(user) }) =>
      tokenSet(provider, { user, clientId: client, scope: 'openid offline_access mail', gty: 'authorization_code', seconds }),
    'POST life': async ({ seconds, user = EVERYBODY }) => set(state.life, user, Number(seconds)),
    'POST revoke': async ({ user }) => store.revoke(user),
    'POST device': async ({ code, user, deny }) => device(provider, code, user, deny),
    'POST fail': async ({ count, user = EVERYBODY, ...how }) => set(state.fail, user, { left: Number(count), ...how }),
    'POST withhold': async ({ count, user = EVERYBODY }) => set(state.withhold, user, { left: Number(count) }),
    'POST slow': async ({ milliseconds, user = EVERYBODY }) => set(state.slow, user, Number(milliseconds)),
    'POST refresh-expires-in': async ({ seconds, user = EVERYBODY }) =>
      set(state.refreshExpiresIn, user, Number(seconds)),
    'GET requests': async () => state.requests,
    'GET refreshes': async ({ user }) => refreshes[user] ?? { granted: 0, refused: 0 },
    'POST reset': async () => {
      state = fresh();
    },
  };
  const life = (user) => of(state.life, user);

  const middleware = async (ctx, next) => {
    if (ctx.path.startsWith('/control/')) {
      const action = actions[`${ctx.method} ${ctx.path.slice('/control/'.length)}`];
      if (!action) return;
      ctx.set('cache-control', 'no-store');
      ctx.body = (await action(ctx.query)) ?? {};
      return;
    }
    state.requests[ctx.path] = (state.requests[ctx.path] ?? 0) + 1;
    if (!TOKEN_PATHS.has(ctx.path) || ctx.method !== 'POST') return next();

    const user = await userOf(provider, ctx.req.body);
    const delay = of(state.slow, user);
    if (delay) await new Promise((done) => setTimeout(done, delay));
    const failure = taken(state.fail, user);
    if (failure) return fail(ctx, failure);
    await next();
    if (ctx.req.body.grant_type === 'refresh_token') {
      const counted = (refreshes[user] ??= { granted: 0, refused: 0 });
      counted[ctx.status === 200 ? 'granted' : 'refused'] += 1;
    }
    const ends = of(state.refreshExpiresIn, user);
    if (ends && ctx.body?.refresh_token) ctx.body = { ...ctx.body, refresh_token_expires_in: ends };
    if (taken(state.withhold, user)) {
      ctx.respond = false;
      ctx.req.socket.destroy();
    }
  };
  return { middleware, life };
}

function set(table, user, value) {
  table[user] = value;
}

// What is set for a user, or for everybody.
const of = (table, user) => table[user] ?? table[EVERYBODY];

// The same of what happens only so many times.
function taken(table, user) {
  const found = [table[user], table[EVERYBODY]].find((each) => each?.left > 0);
  if (found) found.left -= 1;
  return found;
}

function fail(ctx, { status, error, retry_after: retryAfter, body }) {
  ctx.status = Number(status ?? (body ? 200 : 503));
  if (retryAfter) ctx.set('retry-after', retryAfter);
  if (body === 'html') ctx.body = '<!DOCTYPE html><title>Sign in</title><p>Please sign in to the hotel network.';
  else if (body === 'large') ctx.body = { access_token: 'x'.repeat(LARGE), token_type: 'Bearer' };
  else if (error) ctx.body = { error, error_description: 'as a test asked' };
  else ctx.body = 'as a test asked';
}

// Whose tokens a token request is about, as far as the request says.
async function userOf(provider, body) {
  if (body.username) return body.username;
  if (body.assertion) {
    try {
      return JSON.parse(Buffer.from(body.assertion.split('.')[1], 'base64url')).sub;
    } catch {
      return undefined;
    }
  }
  const sources = { refresh_token: 'RefreshToken', code: 'AuthorizationCode', device_code: 'DeviceCode' };
  for (const [field, model] of Object.entries(sources)) {
    if (body[field]) return (await provider[model].find(body[field], { ignoreExpiration: true }))?.accountId;
  }
  return undefined;
}

// Answers a device's user code as the pages would.
async function device(provider, userCode, user, deny) {
  const code = await provider.DeviceCode.findByUserCode(userCode.replace(/\W/g, '').toUpperCase());
  if (deny) {
    Object.assign(code, { error: 'access_denied', errorDescription: 'the person said no' });
  } else {
    const { client_id: clientId, scope } = code.params;
    const grant = new provider.Grant({ clientId, accountId: user });
    grant.addOIDCScope(scope);
    const authTime = Math.floor(Date.now() / 1000);
    Object.assign(code, { accountId: user, grantId: await grant.save(), scope, authTime });
  }
  await code.save();
}
