// Stands in for the objects that ServiceNow gives a business rule; prints what the rule posts.
// Arguments: the rule's file, the record as JSON. The record tells fields, changes, previous, operation, journal, user.
const crypto = require('crypto');
const fs = require('fs');
const vm = require('vm');

const [, , rule, told] = process.argv;
const record = JSON.parse(told);
const properties = {'jelou.bridge.url': 'https://bridge.example/x', 'jelou.bridge.secret': record.secret};

function element(name) {
    return {
        toString: () => String(record.fields[name] ?? ''),
        changes: () => record.changes.includes(name),
        getDisplayValue: () => 'shown',
        getJournalEntry: () => `2026-11-20 14:20:05 - Andrea Paz (${name})\n${record.entry}\n\n`,
        getRefRecord: person,
    };
}

function person() {
    const known = {isValidRecord: () => Boolean(record.caller), getUniqueValue: () => record.caller.sys_id, ...record.caller};
    return new Proxy(known, {get: (held, name) => held[name] ?? ''});
}

function elements(more) {
    return new Proxy(more, {get: (held, name) => (name in held ? held[name] : element(name))});
}

class GlideRecord {
    constructor() { this.asked = {}; }
    addQuery(name, value) { this.asked[name] = value; }
    orderByDesc() {}
    setLimit() {}
    query() { this.found = record.journal.find((one) => one.element === this.asked.element); }
    next() { Object.assign(this, this.found ?? {}); return Boolean(this.found); }
    getUniqueValue() { return this.sys_id; }
}

class RESTMessageV2 {
    constructor() { this.sent = {headers: {}}; }
    setEndpoint(url) { this.sent.url = url; }
    setHttpMethod(method) { this.sent.method = method; }
    setHttpTimeout() {}
    setRequestHeader(name, value) { this.sent.headers[name] = value; }
    setRequestBody(body) { this.sent.body = body; }
    executeAsync() { console.log(JSON.stringify(this.sent)); }
}

class GlideCertificateEncryption {
    generateMac(key, algorithm, data) {
        return crypto.createHmac('sha256', Buffer.from(key, 'base64')).update(Buffer.from(data, 'latin1')).digest('base64') + '\n';
    }
}

vm.runInNewContext(fs.readFileSync(rule, 'utf8'), {
    current: elements({operation: () => record.operation, getUniqueValue: () => record.fields.sys_id}),
    previous: elements({state: record.previous}),
    gs: {getProperty: (name, other) => properties[name] ?? other, getUserName: () => record.user},
    sn_ws: {RESTMessageV2},
    GlideCertificateEncryption,
    GlideRecord,
});
