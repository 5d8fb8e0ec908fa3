// Where the authorization server keeps what it issued: in memory, and in a file if one is named, so
// that tokens outlive a restart as they do elsewhere.

import { existsSync, readFileSync, renameSync, writeFileSync } from 'node:fs';

const GRANT_BOUND = new Set(['AccessToken', 'AuthorizationCode', 'RefreshToken', 'DeviceCode']);
const SAVE_AFTER = 100; // milliseconds, so that a burst of changes is written once

// An adapter class for oidc-provider; `revoke`; and `keep`, which makes a value once.
export function open(file) {
  const entries = new Map(file && existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : []);
  let pending;

  const save = () => {
    writeFileSync(`${file}.new`, JSON.stringify([...entries]), { mode: 0o600 });
    renameSync(`${file}.new`, file);
  };
  const changed = () => {
    if (!file) return;
    pending ??= setTimeout(() => {
      pending = undefined;
      save();
    }, SAVE_AFTER);
  };
  const put = (key, value) => {
    entries.set(key, value);
    changed();
  };

  class Adapter {
    constructor(name) {
      this.name = name;
    }

    key(id) {
      return `${this.name}:${id}`;
    }

    async upsert(id, payload, expiresIn) {
      put(this.key(id), { payload, expires: expiresIn ? Date.now() + expiresIn * 1000 : undefined });
    }

    async find(id) {
      const entry = entries.get(this.key(id));
      return entry && !(entry.expires <= Date.now()) ? entry.payload : undefined;
    }

    async findBy(field, value) {
      for (const [key, { payload }] of entries) {
        if (key.startsWith(`${this.name}:`) && payload[field] === value) return this.find(key.slice(this.name.length + 1));
      }
      return undefined;
    }

    async findByUid(uid) {
      return this.findBy('uid', uid);
    }

    async findByUserCode(userCode) {
      return this.findBy('userCode', userCode);
    }

    async consume(id) {
      const entry = entries.get(this.key(id));
      if (entry) put(this.key(id), { ...entry, payload: { ...entry.payload, consumed: Math.floor(Date.now() / 1000) } });
    }

    async destroy(id) {
      if (entries.delete(this.key(id))) changed();
    }

    async revokeByGrantId(grantId) {
      for (const [key, { payload }] of entries) {
        if (GRANT_BOUND.has(key.split(':', 1)[0]) && payload.grantId === grantId) entries.delete(key);
      }
      changed();
    }
  }

  // Takes back whatever a user ever consented to.
  const revoke = (user) => {
    for (const [key, { payload }] of entries) {
      const kind = key.split(':', 1)[0];
      if (payload.accountId === user && (kind === 'Grant' || GRANT_BOUND.has(kind))) entries.delete(key);
    }
    changed();
  };
  const keep = (name, make) => {
    if (!entries.has(name)) put(name, { payload: make() });
    return entries.get(name).payload;
  };
  const close = () => {
    if (pending) save();
  };
  return { Adapter, revoke, keep, close };
}
