-- reads: Lead
-- optional: Title, LeadSource, Country, DoNotCall, HasOptedOutOfEmail
-- mutable: title, country, permission
--
-- Deleted leads, and leads that were merged into another, are left out.
-- Silence is no consent: who has not opted out is `unknown`. CONFIRM: write 'all' if you may contact them.
--
-- Left out, because sales or totals up to today fill them in: Status, IsConverted, every Converted..., OwnerId, Rating,
-- IsUnreadByOwner, LastActivityDate, every LastModified..., LastViewedDate, LastReferencedDate. Names, addresses and
-- phone numbers are not needed. Add fields of your own (..._c) that nobody in sales fills in; they become features.
SELECT "Id" AS lead_id, if(lower(trim("Company")) = '[not provided]', NULL, lower(trim("Company"))) AS account_id,
    "CreatedDate" AS created_at, "LeadSource" AS source, "Title" AS title, "Country" AS country,
    CASE [is_yes("DoNotCall"), is_yes("HasOptedOutOfEmail")]
        WHEN [true, true] THEN 'none' WHEN [true, false] THEN 'no_call' WHEN [false, true] THEN 'no_mail' ELSE 'unknown'
        END AS permission, _file, _line
FROM raw_lead
WHERE NOT is_yes("IsDeleted")
