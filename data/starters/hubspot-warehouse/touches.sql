-- reads: email_event, contact
-- optional: filtered_event, obsoleted_by_id, email_campaign_id
--
-- An e-mail event names an address: it goes to the contact that has it today. CONFIRM: where people share or change
-- addresses, old events are another's. `filtered_event` is what your portal leaves out of its reports: it counts as a bot.
-- Superseded events, and what we did ourselves (sent, delivered, dropped ...), are left out.
-- For forms add: UNION ALL BY NAME SELECT contact_id AS lead_id, conversion_id AS event_id, timestamp AS occurred_at,
-- 'form_submit' AS kind, 'web' AS channel, page_url AS asset, _file, _line FROM raw_contact_form_submission
-- and contact_form_submission in the line `reads`.
SELECT c.id AS lead_id, e.id || ' ' || e.created AS event_id, e.created AS occurred_at, 'email' AS channel,
    CASE upper(e.type) WHEN 'OPEN' THEN 'email_open' WHEN 'CLICK' THEN 'email_click' END AS kind,
    e.email_campaign_id AS asset, 'inbound' AS direction, is_yes(e.filtered_event) AS is_bot, e._file, e._line
FROM raw_email_event e JOIN raw_contact c ON lower(c.property_email) = lower(e.recipient)
WHERE kind IS NOT NULL AND e.obsoleted_by_id IS NULL AND NOT is_yes(c._fivetran_deleted)
