// ServiceNow's business rule for the bridge: tells it what happens to incidents, signed as Standard Webhooks 1.0.0 says.
//
// System Definition > Business Rules > New: name Jelou bridge, table Incident, Advanced; When: after, Insert and Update;
// Script: this file. After, not async: an async rule no longer knows what was there before. It does not wait for the
// bridge: the post is made in the background, and once.
//
// System Properties (sys_properties.list), which only administrators may read:
//   jelou.bridge.url     https://<your bridge>/webhooks/helpdesks/generic/<account>
//   jelou.bridge.secret  whsec_ and the base64 of 24 to 64 random bytes (type password2); the same in bridge.yaml
//   jelou.bridge.user    the user name that the bridge writes with; what it does is not told
//
// In a scoped application CertificateEncryption takes the place of GlideCertificateEncryption.
(function executeRule(current, previous) {
    var url = gs.getProperty('jelou.bridge.url', '');
    var secret = gs.getProperty('jelou.bridge.secret', '');
    if (!url || !secret || gs.getUserName() == gs.getProperty('jelou.bridge.user', 'jelou.bridge')) {
        return;
    }
    var changes = changesOf();
    if (changes.length) {
        send(JSON.stringify(told(changes)).replace(/[\u0080-\uffff]/g, escaped));
    }

    // What this save brought, in the order in which the customer is to hear of it.
    function changesOf() {
        var found = current.operation() == 'insert' ? [{type: 'incident.created'}] : [];
        ['comments', 'work_notes'].forEach(function (element) {
            if (current[element].changes()) {
                found.push({type: 'incident.comment', journal: journal(element)});
            }
        });
        if (current.operation() == 'update' && current.state.changes()) {
            found.push({type: 'incident.state', previous_state: String(previous.state)});
        }
        return found;
    }

    function journal(element) {
        var entry = new GlideRecord('sys_journal_field');
        entry.addQuery('element_id', current.getUniqueValue());
        entry.addQuery('element', element);
        entry.orderByDesc('sys_created_on');
        entry.setLimit(1);
        entry.query();
        if (entry.next()) {
            return {
                sys_id: entry.getUniqueValue(),
                element: element,
                value: String(entry.value),
                created_by: String(entry.sys_created_by),
                created_on: String(entry.sys_created_on)
            };
        }
        // Without an id the bridge takes the newest entry. The first line tells who wrote it, and when.
        return {element: element, value: String(current[element].getJournalEntry(1)).replace(/^[^\n]*\n/, '').trim()};
    }

    function told(changes) {
        return {
            table: 'incident',
            sys_id: current.getUniqueValue(),
            number: String(current.number),
            sys_mod_count: String(current.sys_mod_count),
            sys_updated_by: String(current.sys_updated_by),
            occurred_at: String(current.sys_updated_on),
            created_on: String(current.sys_created_on),
            short_description: String(current.short_description),
            state: {value: String(current.state), display: current.state.getDisplayValue()},
            priority: {value: String(current.priority), display: current.priority.getDisplayValue()},
            assignment_group: String(current.assignment_group),
            contact_type: String(current.contact_type),
            correlation_id: String(current.correlation_id),
            caller: caller(),
            changes: changes
        };
    }

    function caller() {
        var person = current.caller_id.getRefRecord();
        if (!person || !person.isValidRecord()) {
            return null;
        }
        return {
            sys_id: person.getUniqueValue(),
            user_name: String(person.user_name),
            name: String(person.name),
            email: String(person.email),
            mobile_phone: String(person.mobile_phone),
            phone: String(person.phone)
        };
    }

    // Whatever character set the signature is made over, ASCII is the same in it.
    function escaped(character) {
        return '\\u' + ('0000' + character.charCodeAt(0).toString(16)).slice(-4);
    }

    function send(body) {
        var id = current.getUniqueValue() + ':' + current.sys_mod_count + ':' + current.operation();
        var now = String(Math.floor(new Date().getTime() / 1000));
        var key = secret.replace(/^whsec_/, '');
        var mac = new GlideCertificateEncryption().generateMac(key, 'HmacSHA256', id + '.' + now + '.' + body);
        var request = new sn_ws.RESTMessageV2();
        request.setEndpoint(url);
        request.setHttpMethod('post');
        request.setHttpTimeout(5000);
        request.setRequestHeader('content-type', 'application/json');
        request.setRequestHeader('webhook-id', id);
        request.setRequestHeader('webhook-timestamp', now);
        request.setRequestHeader('webhook-signature', 'v1,' + String(mac).replace(/\s/g, ''));
        request.setRequestBody(body);
        request.executeAsync();
    }
})(current, previous);
