-- reads: campaign_member, campaign
--
-- A member's status is overwritten: one touch at most, on the day of the first response.
-- Members that are contacts and were never leads are left out.
-- CONFIRM: the types of your campaigns; one that the CASE does not name is `other`.
SELECT m.lead_id AS lead_id, m.id AS event_id, end_of_day(m.first_responded_date) AS occurred_at, c.name AS asset,
    CASE lower(c.type) WHEN 'webinar' THEN if(lower(m.status) = 'attended', 'webinar_attend', 'webinar_register')
        WHEN 'conference' THEN 'event_attend' WHEN 'trade show' THEN 'event_attend' WHEN 'email' THEN 'email_click'
        WHEN 'advertisement' THEN 'ad_click' WHEN 'banner ads' THEN 'ad_click' WHEN 'content' THEN 'content_download'
        ELSE 'other' END AS kind,
    CASE lower(c.type) WHEN 'webinar' THEN 'webinar' WHEN 'conference' THEN 'event' WHEN 'trade show' THEN 'event'
        WHEN 'email' THEN 'email' WHEN 'advertisement' THEN 'ad' WHEN 'banner ads' THEN 'ad' WHEN 'content' THEN 'web'
        ELSE 'other' END AS channel,
    'inbound' AS direction, m._file, m._line
FROM raw_campaign_member m LEFT JOIN raw_campaign c ON c.id = m.campaign_id
WHERE m.lead_id IS NOT NULL AND is_yes(m.has_responded) AND NOT (is_yes(m.is_deleted) OR is_yes(m._fivetran_deleted))
