// The deployed test stack from outside: the command line, the authorization server's controls, mail.

import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import {
  chownSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync, statSync, writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

// A variable that `make test` sets.
export function environment(name) {
  const value = process.env[name];
  if (!value) throw new Error(`${name} is not set: these tests run by \`make test\` or \`make browser\``);
  return value;
}

export const CONSOLE = environment('POSTROOM_TEST_CONSOLE');
export const ISSUER = environment('POSTROOM_TEST_ISSUER');
export const ADMIN = environment('POSTROOM_TEST_ADMIN');
const PROVIDER = environment('POSTROOM_TEST_ADMIN_PROVIDER');

// Runs `postroom` and answers what it printed; fails as it fails.
export async function postroom(...args) {
  const env = { ...process.env, POSTROOM_STACK: environment('POSTROOM_TEST_STACK') };
  const { stdout } = await run(environment('POSTROOM_TEST_CLI'), args, { env });
  return stdout;
}

// A name that no other test has.
export const unique = (word) => `${word}-${randomBytes(3).toString('hex')}`;

// Applies the provider that administrators sign in with, accounts with their mailboxes,
// `{ id, provider, login, mailboxes: [{ id, user }], owners }`, of which all but the id may be left out,
// mailboxes that sign in with a password: `{ id, user }`, and the languages that people read, by address.
export async function apply(accounts = [], basic = [], languages = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'postroom-'));
  try {
    const file = join(folder, 'postroom.toml');
    writeFileSync(join(folder, 'client-secret'), environment('POSTROOM_TEST_CLIENT_SECRET'));
    const withPassword = basic.map(({ id, user }) => {
      writeFileSync(join(folder, `${id}.password`), password(user));
      return `${mailbox(id, user)}password = { file = "${id}.password" }\n`;
    });
    const providers = new Set([PROVIDER, ...accounts.map((each) => each.provider ?? PROVIDER)]);
    const people = Object.entries(languages).map(([address, language]) =>
      `[[owner]]\naddress = "${address}"\nlanguage = "${language}"\n`);
    const tables = [...[...providers].map(provider), ...people, ...accounts.map(account), ...withPassword];
    writeFileSync(file, tables.join('\n'));
    return await postroom('apply', file);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function provider(id) {
  return `[[provider]]
id = "${id}"
preset = "custom"
issuer = "${ISSUER}"
client_id = "${environment('POSTROOM_TEST_CLIENT_ID')}"
client_secret = { file = "client-secret" }
scopes = ["openid", "offline_access", "mail"]
`;
}

function account({ id, provider = PROVIDER, login = `${id}@postroom.test`, mailboxes = [{ id, user: login }], owners = [login] }) {
  const head = `[[account]]
id = "${id}"
provider = "${provider}"
grant = "authorization_code"
login = "${login}"
owners = ${JSON.stringify(owners)}
`;
  const opened = mailboxes.map((each) => {
    if (each.user !== login) share(each.user, login);
    return `${mailbox(each.id, each.user)}auth = { oauth = "${id}" }\n`;
  });
  return head + opened.join('');
}

function mailbox(id, user) {
  return `[[mailbox]]
id = "${id}"
protocol = "imap"
host = "127.0.0.1"
port = ${environment('POSTROOM_TEST_IMAPS_PORT')}
user = "${user}"
interval = "1h"
`;
}

// The password that every user of the test's mail server has.
export const password = (user) => `pw-${user}`;

// Lets a user's token open somebody else's mailbox.
export function share(mailbox, user) {
  writeFileSync(`${environment('POSTROOM_TEST_SHARED_MAILBOXES')}/${mailbox},${user}`, `${mailbox}:::::::nopassword\n`);
}

// What `postroom status` says of a mailbox and its account.
export async function status(mailbox) {
  return JSON.parse(await postroom('status', '--json', mailbox));
}

// One of the authorization server's controls (infra/local/authserver/controls.mjs).
export async function control(action, query = {}, method = 'POST') {
  const answer = await fetch(`${ISSUER}/control/${action}?${new URLSearchParams(query)}`, { method });
  if (!answer.ok) throw new Error(`the control ${action} answered ${answer.status}`);
  return answer.json();
}

// Puts a token set into the vault without a sign-in. `ends` are the days after which its refresh token
// ends, if the server says so.
export async function authorised(account, login, ends) {
  const tokens = await control('token', { user: login });
  if (ends) tokens.refresh_token_expires_in = ends * 24 * 3600;
  const folder = mkdtempSync(join(tmpdir(), 'postroom-'));
  const file = join(folder, 'tokens.json');
  writeFileSync(file, JSON.stringify(tokens), { mode: 0o600 });
  await postroom('token', 'import', account, '--from', file);
  rmSync(folder, { recursive: true });
}

// The mails that went to an address, oldest first: { Subject, BodyText, BodyHtml, Source }.
export async function mails(to) {
  const answer = await fetch(`${environment('POSTROOM_TEST_AWS_ENDPOINT')}/_ministack/ses/messages`);
  const all = Object.values((await answer.json()).messages).flat();
  return all.filter((mail) => mail.To.some((address) => address.includes(to)));
}

// Asks again until there is an answer that counts.
export async function eventually(what, ask, seconds = 20) {
  const deadline = Date.now() + seconds * 1000;
  for (;;) {
    const answer = await ask();
    if (answer) return answer;
    if (Date.now() > deadline) throw new Error(`${what}: not within ${seconds} s`);
    await new Promise((done) => setTimeout(done, 250));
  }
}

// Puts a message into a user's INBOX, as a delivery agent does.
export function deliver(user, text) {
  const root = environment('POSTROOM_TEST_MAIL_ROOT');
  const { uid, gid } = statSync(root);
  const inbox = join(root, user, 'Maildir');
  for (const part of ['cur', 'new', 'tmp']) mkdirSync(join(inbox, part), { recursive: true });
  const name = unique('message');
  writeFileSync(join(inbox, 'tmp', name), text);
  renameSync(join(inbox, 'tmp', name), join(inbox, 'new', name));
  for (const path of [join(root, user), ...walk(join(root, user))]) chownSync(path, uid, gid);
}

const walk = (folder) => readdirSync(folder, { recursive: true }).map((path) => join(folder, path));

// Lets a minute pass for the console, which counts requests by where they come from: here everything
// comes from one place, and faster than people are.
export async function pause() {
  const table = environment('POSTROOM_TEST_TABLE');
  const counted = {
    TableName: table,
    FilterExpression: 'begins_with(pk, :pk)',
    ExpressionAttributeValues: { ':pk': { S: 'EPHEMERAL#requests#' } },
  };
  for (const { pk, sk } of (await dynamodb('Scan', counted)).Items) {
    await dynamodb('DeleteItem', { TableName: table, Key: { pk, sk } });
  }
}

// Has the deployed `expiry-check` look at what is due at a moment.
export async function remind(at) {
  const path = `/2015-03-31/functions/${environment('POSTROOM_TEST_EXPIRY_CHECK')}/invocations`;
  const answer = await aws('lambda', path, { at: at.toISOString() });
  if (answer.headers.get('x-amz-function-error')) throw new Error(`expiry-check failed: ${await answer.text()}`);
}

async function dynamodb(action, body) {
  const headers = { 'content-type': 'application/x-amz-json-1.0', 'x-amz-target': `DynamoDB_20120810.${action}` };
  return (await aws('dynamodb', '/', body, headers)).json();
}

// The emulator asks its root user for a name, not for a signature.
async function aws(service, path, body, more = {}) {
  const scope = `local/20260101/${environment('POSTROOM_TEST_AWS_REGION')}/${service}/aws4_request`;
  const authorization = `AWS4-HMAC-SHA256 Credential=${scope}, SignedHeaders=host, Signature=none`;
  const options = { method: 'POST', headers: { authorization, ...more }, body: JSON.stringify(body) };
  const answer = await fetch(environment('POSTROOM_TEST_AWS_ENDPOINT') + path, options);
  if (!answer.ok) throw new Error(`${service} answered ${answer.status}: ${await answer.text()}`);
  return answer;
}
