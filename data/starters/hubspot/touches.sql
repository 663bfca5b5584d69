-- reads: hubspot-crm-exports-all-contacts
-- optional: First Conversion, First Conversion Date, Recent Conversion, Recent Conversion Date
--
-- A contact's export holds counters of mails and page views, not the events. Its first and its latest form are events.
SELECT DISTINCT * FROM (
    SELECT "Record ID" AS lead_id, unnest(["First Conversion Date", "Recent Conversion Date"]) AS occurred_at,
        unnest(["First Conversion", "Recent Conversion"]) AS asset, 'form_submit' AS kind, 'web' AS channel,
        'inbound' AS direction, _file, _line
    FROM raw_hubspot_crm_exports_all_contacts
)
WHERE occurred_at IS NOT NULL
