-- reads: All Leads
-- optional: Company Name, Lead Source, Job Title, Country/Region, Do not allow Phone Calls, Do not allow Emails
-- optional: Do not allow Bulk Emails, Merged
-- mutable: title, country, permission
--
-- Leads that were merged into another are left out.
-- "Allow" is the default of Dynamics and no proof of consent: it is `unknown`. CONFIRM: write 'all' if you may contact
-- them. A list may show `Do Not Allow`, or Yes.
--
-- Left out, because sales or totals up to today fill them in: Status, Status Reason, Rating, Owner, Modified On,
-- Qualification Comments, Parent Account, Parent Contact, Est. Close Date, the process stage, and the columns
-- "(Do Not Modify)". Names, addresses and phone numbers are not needed. Add columns of your own that nobody in sales
-- fills in; they become features.
SELECT lower(trim("(Do Not Modify) Lead", '{}')) AS lead_id, lower(trim("Company Name")) AS account_id,
    "Created On" AS created_at, "Lead Source" AS source, "Job Title" AS title, "Country/Region" AS country,
    CASE [lower("Do not allow Phone Calls") IN ('do not allow', 'yes'),
            lower("Do not allow Emails") IN ('do not allow', 'yes') OR lower("Do not allow Bulk Emails") IN ('do not allow', 'yes')]
        WHEN [true, true] THEN 'none' WHEN [true, false] THEN 'no_call' WHEN [false, true] THEN 'no_mail' ELSE 'unknown'
        END AS permission, _file, _line
FROM raw_all_leads
WHERE NOT is_yes("Merged")
