"""The audit trail lets go of a person whose account is deleted: something is taken away, no more.

Where the transaction says that somebody is forgotten, an event may lose its address, keys of its
details and the name of who did it, which becomes one fixed word; all else stays refused.
"""

from importlib import import_module

from django.db import migrations

FORGETS = """
CREATE OR REPLACE FUNCTION accounts_audit_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
  ties CONSTANT text[] := ARRAY['workspace_id', 'user_id'];
  person CONSTANT text[] := ARRAY['actor', 'details', 'ip', 'user_id'];
BEGIN
  IF TG_OP = 'DELETE' THEN
    IF current_setting('flux.audit_retention', true) = 'on' THEN
      RETURN OLD;
    END IF;
  ELSIF to_jsonb(NEW) - ties = to_jsonb(OLD) - ties
    AND (NEW.workspace_id IS NULL OR NEW.workspace_id IS NOT DISTINCT FROM OLD.workspace_id)
    AND (NEW.user_id IS NULL OR NEW.user_id IS NOT DISTINCT FROM OLD.user_id)
  THEN
    RETURN NEW;
  ELSIF current_setting('flux.audit_forgets', true) = 'on'
    AND to_jsonb(NEW) - person = to_jsonb(OLD) - person
    AND (NEW.user_id IS NULL OR NEW.user_id IS NOT DISTINCT FROM OLD.user_id)
    AND (NEW.ip IS NULL OR NEW.ip IS NOT DISTINCT FROM OLD.ip)
    AND NEW.actor IN (OLD.actor, 'a deleted person')
    AND OLD.details @> NEW.details
  THEN
    RETURN NEW;
  END IF;
  RAISE EXCEPTION 'The audit trail is append-only: no % of its events.', lower(TG_OP)
    USING ERRCODE = 'insufficient_privilege';
END $$;
"""


def keep(apps, schema_editor):
    """The function as it was: the part of the former migration that makes it."""
    former = import_module('accounts.migrations.0005_keys_vault_audit').APPEND_ONLY
    begin = former.index('CREATE FUNCTION accounts_audit_append_only')
    end = former.index('CREATE TRIGGER audit_append_only')
    made = former[begin:end].replace('CREATE FUNCTION', 'CREATE OR REPLACE FUNCTION')
    schema_editor.execute(made, None)


def forget(apps, schema_editor):
    # None: its % is no placeholder.
    schema_editor.execute(FORGETS, None)


class Migration(migrations.Migration):

    dependencies = [
        ('accounts', '0009_connections'),
    ]

    operations = [
        migrations.RunPython(forget, keep),
    ]
