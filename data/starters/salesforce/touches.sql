-- reads: CampaignMember, Campaign
--
-- A member's status is overwritten: one touch at most, on the day of the first response.
-- Members that are contacts and were never leads are left out.
-- CONFIRM: the types of your campaigns; one that the CASE does not name is `other`.
SELECT m."LeadId" AS lead_id, m."Id" AS event_id, end_of_day(m."FirstRespondedDate") AS occurred_at, c."Name" AS asset,
    CASE lower(c."Type") WHEN 'webinar' THEN if(lower(m."Status") = 'attended', 'webinar_attend', 'webinar_register')
        WHEN 'conference' THEN 'event_attend' WHEN 'trade show' THEN 'event_attend' WHEN 'email' THEN 'email_click'
        WHEN 'advertisement' THEN 'ad_click' WHEN 'banner ads' THEN 'ad_click' WHEN 'content' THEN 'content_download'
        ELSE 'other' END AS kind,
    CASE lower(c."Type") WHEN 'webinar' THEN 'webinar' WHEN 'conference' THEN 'event' WHEN 'trade show' THEN 'event'
        WHEN 'email' THEN 'email' WHEN 'advertisement' THEN 'ad' WHEN 'banner ads' THEN 'ad' WHEN 'content' THEN 'web'
        ELSE 'other' END AS channel,
    'inbound' AS direction, m._file, m._line
FROM raw_campaignmember m LEFT JOIN raw_campaign c ON c."Id" = m."CampaignId"
WHERE m."LeadId" IS NOT NULL AND is_yes(m."HasResponded") AND NOT is_yes(m."IsDeleted")
