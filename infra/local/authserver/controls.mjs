// What tests do to the authorization server, under /control/ and from loopback only, because that is
// all it listens on:
//
//   POST /control/token?user=U[&client=C][&seconds=N]   a token set for U, without the sign-in
//   POST /control/fail?count=N[&status=S][&error=E][&retry_after=N]
//                                                        the next N token requests fail so
//   POST /control/slow?milliseconds=N                    every token request takes that much longer
//   POST /control/refresh-expires-in?seconds=N           token answers say when the refresh token ends
//   GET  /control/requests                               how often each path was asked
//   POST /control/reset                                  as after the start; tokens stay

const fresh = () => ({ failures: 0, failure: {}, delay: 0, refreshExpiresIn: 0, requests: {} });

export function controls(provider) {
  let state = fresh();

  const actions = {
    'POST token': async ({ user, client = 'postroom', seconds }) => tokenSet(provider, user, client, seconds),
    'POST fail': async ({ count, status = 503, error, retry_after }) => {
      state.failures = Number(count);
      state.failure = { status: Number(status), error, retryAfter: retry_after };
      return {};
    },
    'POST slow': async ({ milliseconds }) => {
      state.delay = Number(milliseconds);
      return {};
    },
    'POST refresh-expires-in': async ({ seconds }) => {
      state.refreshExpiresIn = Number(seconds);
      return {};
    },
    'GET requests': async () => state.requests,
    'POST reset': async () => {
      state = fresh();
      return {};
    },
  };

  return async (ctx, next) => {
    if (ctx.path.startsWith('/control/')) {
      const action = actions[`${ctx.method} ${ctx.path.slice('/control/'.length)}`];
      if (!action) return;
      ctx.set('cache-control', 'no-store');
      ctx.body = await action(ctx.query);
      return;
    }
    state.requests[ctx.path] = (state.requests[ctx.path] ?? 0) + 1;
    if (ctx.path !== '/token') return next();

    if (state.delay) await new Promise((done) => setTimeout(done, state.delay));
    if (state.failures > 0) {
      state.failures -= 1;
      const { status, error, retryAfter } = state.failure;
      ctx.status = status;
      if (retryAfter) ctx.set('retry-after', retryAfter);
      ctx.body = error ? { error, error_description: 'as a test asked' } : 'as a test asked';
      return;
    }
    await next();
    if (state.refreshExpiresIn && ctx.body?.refresh_token) {
      ctx.body = { ...ctx.body, refresh_token_expires_in: state.refreshExpiresIn };
    }
  };
}

// The answer that the token endpoint would give at the end of a sign-in.
async function tokenSet(provider, user, clientId, seconds) {
  const client = await provider.Client.find(clientId);
  const grant = new provider.Grant({ clientId, accountId: user });
  const scope = 'openid offline_access mail';
  grant.addOIDCScope(scope);
  const common = { accountId: user, client, grantId: await grant.save(), gty: 'authorization_code', scope };
  const access = new provider.AccessToken(common);
  if (seconds) access.expiresIn = Number(seconds);
  const refresh = new provider.RefreshToken({
    ...common,
    authTime: Math.floor(Date.now() / 1000),
    rotations: 0,
  });
  return {
    access_token: await access.save(),
    refresh_token: await refresh.save(),
    token_type: 'Bearer',
    expires_in: access.expiration,
    scope,
  };
}
