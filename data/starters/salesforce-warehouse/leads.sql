-- reads: lead
-- optional: title, lead_source, country, do_not_call, has_opted_out_of_email
-- mutable: title, country, permission
--
-- Deleted leads, and leads that were merged into another, are left out.
-- Silence is no consent: who has not opted out is `unknown`. CONFIRM: write 'all' if you may contact them.
--
-- Left out, because sales or totals up to today fill them in: Status, IsConverted, every Converted..., OwnerId, Rating,
-- IsUnreadByOwner, LastActivityDate, every LastModified..., LastViewedDate, LastReferencedDate. Names, addresses and
-- phone numbers are not needed. Add fields of your own (..._c) that nobody in sales fills in; they become features.
SELECT id AS lead_id, if(lower(trim(company)) = '[not provided]', NULL, lower(trim(company))) AS account_id,
    created_date AS created_at, lead_source AS source, title AS title, country AS country,
    CASE [is_yes(do_not_call), is_yes(has_opted_out_of_email)]
        WHEN [true, true] THEN 'none' WHEN [true, false] THEN 'no_call' WHEN [false, true] THEN 'no_mail' ELSE 'unknown'
        END AS permission, _file, _line
FROM raw_lead
WHERE NOT (is_yes(is_deleted) OR is_yes(_fivetran_deleted))
