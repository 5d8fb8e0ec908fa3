// The authorization server's own pages: a sign-in that takes any name without a password, and a consent
// in which each permission can be refused. They need no script and nothing from elsewhere.

const ESCAPED = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text) => String(text).replace(/[&<>"']/g, (char) => ESCAPED[char]);

const STYLE = `
  body { font: 16px/1.5 system-ui, sans-serif; background: #f3f4f6; color: #111827; margin: 0; }
  main { max-width: 22rem; margin: 10vh auto; padding: 1.5rem 2rem; background: #fff; border: 1px solid #d1d5db; }
  h1 { font-size: 1.25rem; } label { display: block; margin: .5rem 0; }
  input[name=login] { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .4rem; }
  button { font: inherit; padding: .4rem 1.2rem; margin: 1rem .5rem 0 0; }`;

const page = (title, body) => `<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>${escaped(title)}</title><style>${STYLE}</style></head>
<body><main><h1>${escaped(title)}</h1>${body}</main></body></html>`;

const form = (fields, button) => `<form method="post">${fields}
<button>${button}</button><button name="cancel" value="yes" formnovalidate>Cancel</button></form>`;

// Says who an interaction's page is for, where provider.interactionDetails looks for it.
export const url = (ctx, interaction) => `/interaction/${interaction.uid}`;

// GET and POST of /interaction/{uid}.
export function pages(provider) {
  return async (ctx, next) => {
    if (!ctx.path.startsWith('/interaction/')) return next();
    ctx.set('cache-control', 'no-store');
    const details = await provider.interactionDetails(ctx.req, ctx.res);
    if (ctx.method === 'POST') return answer(provider, ctx, details);
    const client = await provider.Client.find(details.params.client_id);
    const name = client.clientName ?? client.clientId;
    ctx.type = 'html';
    ctx.body = details.prompt.name === 'login' ? signIn(details) : consent(details, name);
  };
}

function signIn({ params }) {
  const hint = escaped(params.login_hint ?? '');
  const field = `<label>Account <input name="login" value="${hint}" required autofocus autocapitalize="off"></label>`;
  return page('Sign in', form(field, 'Sign in'));
}

function consent({ params, session }, client) {
  const boxes = scopes(params).map(
    (scope) => `<label><input type="checkbox" name="scope" value="${escaped(scope)}" checked> ${escaped(scope)}</label>`,
  );
  const who = `<p>You are ${escaped(session.accountId)}. ${escaped(client)} asks for:</p>`;
  return page(`Allow ${client}?`, who + form(boxes.join(''), 'Allow'));
}

// What a person can refuse: that it is a sign-in at all is not among it.
const scopes = (params) => (params.scope ?? '').split(' ').filter((scope) => scope && scope !== 'openid');

async function answer(provider, ctx, details) {
  const body = ctx.req.body;
  let result;
  if (body.cancel) {
    result = { error: 'access_denied', error_description: 'the person said no' };
  } else if (details.prompt.name === 'login') {
    result = { login: { accountId: body.login } };
  } else {
    result = { consent: { grantId: await grant(provider, details, [body.scope ?? []].flat()) } };
  }
  const returnTo = await provider.interactionResult(ctx.req, ctx.res, result);
  if (result.login) await forgetSession(provider, details.session);
  ctx.redirect(returnTo);
  ctx.status = 303;
}

// Each consent is a grant of its own, as at most servers: what is revoked of one leaves the others.
async function grant(provider, { params, session }, allowed) {
  const grant = new provider.Grant({ accountId: session.accountId, clientId: params.client_id });
  grant.addOIDCScope('openid');
  for (const scope of scopes(params)) {
    if (allowed.includes(scope)) grant.addOIDCScope(scope);
    else grant.rejectOIDCScope(scope);
  }
  return grant.save();
}

// Somebody else may sign in at once, without a page that asks whether to sign out first.
async function forgetSession(provider, session) {
  const found = session?.uid && (await provider.Session.findByUid(session.uid));
  if (!found) return;
  Object.assign(found, { accountId: undefined, loginTs: undefined, authorizations: undefined });
  await found.persist();
}
