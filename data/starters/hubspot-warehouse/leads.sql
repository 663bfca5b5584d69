-- reads: contact
-- optional: property_associatedcompanyid, property_hs_analytics_source, property_hs_analytics_source_data_1
-- optional: property_jobtitle, property_job_function, property_seniority, property_country, property_hs_email_optout
-- optional: _fivetran_deleted
-- mutable: title, job_function, seniority, country, permission
--
-- CONFIRM with your admin: companies are linked by e-mail domain when a contact is made. Where people link them later,
-- add account_id to the line `mutable`. CONFIRM that your sync selects these properties: an absent one is read as empty.
-- HubSpot has no standard property for "do not call". CONFIRM: if you have one of your own, use it in permission below.
-- Silence is no consent: who has not unsubscribed is `unknown`. CONFIRM: write 'all' if you may contact them.
-- Deleted contacts, and those that were merged into another, are left out.
--
-- Left out, because sales or totals up to today fill them in: lifecyclestage and its dates, hs_lead_status,
-- hubspot_owner_id, hubspot_owner_assigneddate, notes_last_contacted, num_contacted_notes, hs_sales_email_last_...,
-- hubspotscore, hs_analytics_num_page_views, hs_email_open, hs_email_click, lastmodifieddate, everything about deals.
-- Add properties of your own that nobody in sales fills in; they become features.
SELECT id AS lead_id, property_associatedcompanyid AS account_id, property_createdate AS created_at,
    property_hs_analytics_source AS source, property_hs_analytics_source_data_1 AS source_detail,
    property_jobtitle AS title, property_job_function AS job_function, property_seniority AS seniority,
    property_country AS country, if(is_yes(property_hs_email_optout), 'no_mail', 'unknown') AS permission, _file, _line
FROM raw_contact
WHERE NOT is_yes(_fivetran_deleted)
