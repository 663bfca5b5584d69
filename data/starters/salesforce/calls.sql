-- reads: Task, Lead
-- optional: TaskSubtype, Type, CallType, CallDisposition, CallDurationInSeconds, CompletedDateTime, Description
--
-- CONFIRM: how a call is told from other tasks. After conversion tasks hang on the contact: they go to its lead; those of
-- other contacts are no calls to leads and are left out, and so are tasks that are still open.
-- CONFIRM: CallDisposition holds your dialler's words. Put them into the CASE, with one of ours: a word that it does not
-- name is rejected by name.
SELECT coalesce(l."Id", t."WhoId") AS lead_id, t."Id" AS call_id,
    coalesce(t."CompletedDateTime", t."CreatedDate") AS called_at, t."OwnerId" AS agent_id,
    CASE lower(t."CallDisposition") WHEN 'left voicemail' THEN 'voicemail' WHEN 'no answer' THEN 'no_answer'
        WHEN 'left live message' THEN 'gatekeeper' WHEN 'wrong number' THEN 'wrong_number'
        WHEN 'call back later' THEN 'callback' WHEN 'not interested' THEN 'not_interested'
        WHEN 'meeting set' THEN 'meeting_booked' ELSE t."CallDisposition" END AS disposition,
    t."CallDurationInSeconds" AS duration_s, t."Description" AS notes, t._file, t._line
FROM raw_task t LEFT JOIN raw_lead l ON l."ConvertedContactId" = t."WhoId"
WHERE (t."TaskSubtype" = 'Call' OR t."Type" = 'Call' OR t."CallType" IS NOT NULL)
    AND is_yes(t."IsClosed") AND NOT is_yes(t."IsDeleted")
    AND (t."WhoId" LIKE '00Q%' OR l."Id" IS NOT NULL)
QUALIFY row_number() OVER (PARTITION BY t."Id" ORDER BY l."ConvertedDate" DESC) = 1
