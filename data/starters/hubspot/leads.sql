-- reads: hubspot-crm-exports-all-contacts
-- optional: Associated Company IDs (Primary), Associated Company IDs, Associated Company ID
-- optional: Original Traffic Source, Original Source, Original Traffic Source Drill-Down 1, Original Source Drill-Down 1
-- optional: Job Title, Job function, Seniority, Country/Region, Country, Company size, Unsubscribed from all email
-- mutable: title, job_function, seniority, country, permission, Company size
--
-- CONFIRM with your admin: companies are linked by e-mail domain when a contact is made. Where people link them later,
-- add account_id to the line `mutable`.
-- HubSpot has no standard property for "do not call". CONFIRM: if you have one of your own, use it in permission below.
-- Silence is no consent: who has not unsubscribed is `unknown`. CONFIRM: write 'all' if you may contact them.
--
-- Left out, because sales or totals up to today fill them in: Lifecycle Stage, Lead Status, every "Became a ... Date",
-- Contact owner, Owner Assigned Date, Last Contacted, Last Activity Date, Next Activity Date, Number of times contacted,
-- Number of Sales Activities, Currently in Sequence, HubSpot Score, Number of Pageviews, Marketing emails opened and
-- clicked, Time of Last Visit, Last Modified Date, everything about deals. Names, addresses and phone numbers are not
-- needed. Add properties of your own that nobody in sales fills in; they become features.
SELECT "Record ID" AS lead_id,
    split_part(coalesce("Associated Company IDs (Primary)", "Associated Company IDs", "Associated Company ID"), ';', 1)
        AS account_id,
    "Create Date" AS created_at, coalesce("Original Traffic Source", "Original Source") AS source,
    coalesce("Original Traffic Source Drill-Down 1", "Original Source Drill-Down 1") AS source_detail,
    "Job Title" AS title, "Job function" AS job_function, "Seniority" AS seniority,
    coalesce("Country/Region", "Country") AS country, "Company size",
    if(is_yes("Unsubscribed from all email"), 'no_mail', 'unknown') AS permission, _file, _line
FROM raw_hubspot_crm_exports_all_contacts
