-- The tables of a warehouse as leadready made them at commit 679ce4f, with two columns that a source brought.
CREATE TABLE accounts(account_id VARCHAR NOT NULL, industry VARCHAR, employees DOUBLE, annual_revenue DOUBLE, country VARCHAR, "name" VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE answers(lead_id VARCHAR NOT NULL, answered_at TIMESTAMP NOT NULL, criterion VARCHAR NOT NULL, state VARCHAR NOT NULL, "level" VARCHAR, "source" VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE batches(batch_id VARCHAR, "source" VARCHAR, table_name VARCHAR, loaded_at TIMESTAMP, rows_in BIGINT, "stored" BIGINT, quarantined BIGINT, repeats BIGINT);
CREATE TABLE calls(lead_id VARCHAR NOT NULL, called_at TIMESTAMP NOT NULL, agent_id VARCHAR, purpose VARCHAR, disposition VARCHAR, duration_s DOUBLE, notes VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE decisions(lead_id VARCHAR NOT NULL, handed_off_at TIMESTAMP, decision VARCHAR NOT NULL, decided_at TIMESTAMP NOT NULL, reason VARCHAR, sales_rep VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE handoffs(lead_id VARCHAR NOT NULL, handed_off_at TIMESTAMP NOT NULL, route VARCHAR, propensity DOUBLE, policy_version VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE leads(lead_id VARCHAR NOT NULL, account_id VARCHAR, created_at TIMESTAMP NOT NULL, "source" VARCHAR, title VARCHAR, job_function VARCHAR, seniority VARCHAR, country VARCHAR, permission VARCHAR, "name" VARCHAR, email VARCHAR, phone VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE opportunities(lead_id VARCHAR NOT NULL, opened_at TIMESTAMP NOT NULL, stage VARCHAR, amount DOUBLE, margin DOUBLE, closed_at TIMESTAMP, won BOOLEAN, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
CREATE TABLE quarantine(batch_id VARCHAR, "source" VARCHAR, table_name VARCHAR, file VARCHAR, line BIGINT, reason VARCHAR, raw VARCHAR, loaded_at TIMESTAMP, settings VARCHAR);
CREATE TABLE touches(lead_id VARCHAR NOT NULL, occurred_at TIMESTAMP NOT NULL, kind VARCHAR NOT NULL, channel VARCHAR, asset VARCHAR, direction VARCHAR, is_bot BOOLEAN, event_id VARCHAR, known_at TIMESTAMP, superseded_at TIMESTAMP, batch_id VARCHAR);
ALTER TABLE accounts ADD COLUMN region DOUBLE;
ALTER TABLE leads ADD COLUMN reason VARCHAR;
