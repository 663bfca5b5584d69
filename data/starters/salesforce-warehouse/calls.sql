-- reads: task, lead
-- optional: task_subtype, type, call_type, call_disposition, call_duration_in_seconds, completed_date_time, description
--
-- CONFIRM: how a call is told from other tasks. After conversion tasks hang on the contact: they go to its lead; those of
-- other contacts are no calls to leads and are left out, and so are tasks that are still open.
-- CONFIRM: CallDisposition holds your dialler's words. Put them into the CASE, with one of ours: a word that it does not
-- name is rejected by name.
SELECT coalesce(l.id, t.who_id) AS lead_id, t.id AS call_id,
    coalesce(t.completed_date_time, t.created_date) AS called_at, t.owner_id AS agent_id,
    CASE lower(t.call_disposition) WHEN 'left voicemail' THEN 'voicemail' WHEN 'no answer' THEN 'no_answer'
        WHEN 'left live message' THEN 'gatekeeper' WHEN 'wrong number' THEN 'wrong_number'
        WHEN 'call back later' THEN 'callback' WHEN 'not interested' THEN 'not_interested'
        WHEN 'meeting set' THEN 'meeting_booked' ELSE t.call_disposition END AS disposition,
    t.call_duration_in_seconds AS duration_s, t.description AS notes, t._file, t._line
FROM raw_task t LEFT JOIN raw_lead l ON l.converted_contact_id = t.who_id
WHERE (t.task_subtype = 'Call' OR t.type = 'Call' OR t.call_type IS NOT NULL)
    AND is_yes(t.is_closed) AND NOT (is_yes(t.is_deleted) OR is_yes(t._fivetran_deleted))
    AND (t.who_id LIKE '00Q%' OR l.id IS NOT NULL)
QUALIFY row_number() OVER (PARTITION BY t.id ORDER BY l.converted_date DESC) = 1
