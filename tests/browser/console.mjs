// The console in a browser, as people use it: by the names and roles of what they see.

import assert from 'node:assert/strict';
import { chromium } from 'playwright-core';
import { ADMIN, apply, CONSOLE, environment, ISSUER, pause } from './stack.mjs';

const PATIENCE = 20_000; // milliseconds for a page to come, the first one starting its function
export const PHONE = { width: 375, height: 667 };

let browser;
let signedIn;
const complaints = new WeakMap();

// Starts the browser and makes the provider known that administrators sign in with.
export async function start() {
  await apply();
  await pause();
  browser = await chromium.launch({ executablePath: environment('POSTROOM_TEST_BROWSER') });
}

export async function stop() {
  await browser?.close();
}

// A person at a browser of their own, who has never been here.
export async function visitor(options = {}) {
  const context = await browser.newContext({ baseURL: CONSOLE, locale: 'en-GB', ...options });
  context.setDefaultTimeout(PATIENCE);
  return watched(await context.newPage());
}

// An administrator who has signed in. The sign-in itself happens once; what it left in the browser is
// used again, also because nobody may sign in often within a minute.
export async function administrator(options = {}) {
  if (!signedIn) {
    const page = await visitor();
    await page.goto('/');
    await signInToConsole(page);
    signedIn = await page.context().storageState();
    // Every administrator begins without a session at the authorization server.
    signedIn.cookies = signedIn.cookies.filter((cookie) => cookie.domain === new URL(CONSOLE).hostname);
    await leave(page);
  }
  const page = await visitor({ ...options, storageState: signedIn });
  await page.goto('/');
  return page;
}

// Signs in on the console's own sign-in page.
export async function signInToConsole(page, user = ADMIN) {
  await page.getByRole('link', { name: /^Sign in with/ }).click();
  await signIn(page, user);
  await allow(page);
}

// At the authorization server: signs in, as the user that it proposes if none is named.
export async function signIn(page, user) {
  await page.waitForURL(`${ISSUER}/interaction/**`);
  const field = page.getByLabel('Account');
  if (user) await field.fill(user);
  assert.notEqual(await field.inputValue(), '', 'the sign-in proposes no user');
  await page.getByRole('button', { name: 'Sign in' }).click();
}

// At the authorization server: allows what is asked for, but for the scopes named.
export async function allow(page, { without = [] } = {}) {
  await page.getByRole('heading', { name: /^Allow / }).waitFor();
  for (const scope of without) await page.getByLabel(scope, { exact: true }).uncheck();
  await page.getByRole('button', { name: 'Allow' }).click();
}

// At the authorization server: says no.
export async function decline(page) {
  await page.waitForURL(`${ISSUER}/interaction/**`);
  await page.getByRole('button', { name: 'Cancel' }).click();
}

// Waits until the page has this title; says what there is instead if it does not come.
export async function heading(page, name) {
  try {
    await page.getByRole('heading', { level: 1, name }).waitFor();
  } catch {
    const { pathname } = new URL(page.url());
    const text = await page.locator('body').innerText();
    assert.fail(`${pathname} is not titled ${name}; it says:\n${text.slice(0, 2000)}`);
  }
}

// That nothing has to be scrolled to the side.
export async function fitsTheScreen(page) {
  const wide = await page.evaluate(() => ({
    content: document.documentElement.scrollWidth,
    screen: document.documentElement.clientWidth,
  }));
  assert.ok(wide.content <= wide.screen, `${page.url()} is ${wide.content} px wide on a screen of ${wide.screen}`);
}

// Presses Tab until the element has the focus; what the keyboard cannot reach fails.
export async function reachByKeyboard(page, element, most = 120) {
  for (let pressed = 0; pressed < most; pressed += 1) {
    if (await element.evaluate((node) => node === document.activeElement)) return;
    await page.keyboard.press('Tab');
  }
  assert.fail(`${element} cannot be reached by keyboard`);
}

// Closes a person's browser. What a person would not notice fails here: an error of a script, or
// something that the page's own policy refuses.
export async function leave(page) {
  await page.context().close();
  assert.deepEqual(complaints.get(page), []);
}

function watched(page) {
  const wrong = [];
  page.on('pageerror', (error) => wrong.push(error.message));
  page.on('console', (message) => {
    if (/Content Security Policy/.test(message.text())) wrong.push(message.text());
  });
  complaints.set(page, wrong);
  return page;
}

// Opens the overview with the accounts whose name begins so.
export async function overview(page, text) {
  await page.goto(`/?${new URLSearchParams({ q: text })}`);
  await heading(page, 'Accounts and mailboxes');
}

// What the overview's row of an account says.
export const row = (page, account) =>
  page.getByRole('row').filter({ has: page.getByRole('checkbox', { name: `Select ${account}`, exact: true }) });

// What such a row says of an account without tokens, before and after the schedule has looked for them.
export const UNAUTHORISED = /Not authorised yet|Must be authorised again/;

// Opens the page of an account and begins a consent there.
export async function authorise(page, account) {
  await page.goto(`/accounts/${account}`);
  await heading(page, `Account ${account}`);
  await page.getByRole('button', { name: /^(Re-a|A)uthorise$/ }).click();
}

// That a page says something.
export async function says(page, text) {
  try {
    await page.getByText(text).first().waitFor();
  } catch {
    const { pathname } = new URL(page.url());
    const found = await page.locator('body').innerText();
    assert.fail(`${pathname} does not say ${text}; it says:\n${found.slice(0, 2000)}`);
  }
}
