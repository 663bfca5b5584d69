-- reads: engagement_call, engagement_contact
-- optional: property_hs_call_disposition, property_hs_call_duration, property_hs_call_body, property_hubspot_owner_id
-- optional: property_hs_activity_type, property_hs_call_status, _fivetran_deleted
--
-- CONFIRM: outcomes of your own have ids of your portal (its endpoint "calling dispositions" lists them). Put them into
-- the CASE, with one of our words: an outcome that it does not name is rejected by its id. Calls whose status says that
-- they were not made are left out. A call with several contacts becomes one call for each; from the second on, the
-- contact's id stands behind the call's.
SELECT x.contact_id AS lead_id,
    concat_ws(' ', c.engagement_id, nullif(x.contact_id, min(x.contact_id) OVER (PARTITION BY c.engagement_id))) AS call_id,
    c.property_hs_timestamp AS called_at,
    c.property_hubspot_owner_id AS agent_id, c.property_hs_activity_type AS purpose,
    CASE c.property_hs_call_disposition WHEN 'f240bbac-87c9-4f6e-bf70-924b57d47db7' THEN 'connected'
        WHEN '9d9162e7-6cf3-4944-bf63-4dff82258764' THEN 'busy' WHEN '73a0d17f-1163-4015-bdd5-ec830791da20' THEN 'no_answer'
        WHEN 'b2cf5968-551e-4856-9783-52b3da59a7d0' THEN 'voicemail'
        WHEN 'a4c4c377-d246-4b32-a13b-75a56a4cd0ff' THEN 'gatekeeper'
        WHEN '17b47fee-58de-441e-a44c-c6300d46f273' THEN 'wrong_number' ELSE c.property_hs_call_disposition END
        AS disposition,
    coalesce((try_cast(c.property_hs_call_duration AS BIGINT) / 1000)::VARCHAR, c.property_hs_call_duration)
        AS duration_s, -- from milliseconds
    c.property_hs_call_body AS notes, c._file, c._line
FROM raw_engagement_call c JOIN raw_engagement_contact x ON x.engagement_id = c.engagement_id
WHERE NOT is_yes(c._fivetran_deleted)
    AND coalesce(c.property_hs_call_status, 'COMPLETED') NOT IN ('QUEUED', 'RINGING', 'CONNECTING', 'IN_PROGRESS', 'CANCELED')
