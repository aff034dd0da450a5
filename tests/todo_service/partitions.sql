-- Rebuilds every table with rows of users as eight hash partitions, with the names, constraints and indexes that Alembic
-- has given it. The tables have to be empty.
--
-- LIKE copies columns, defaults and checks. It cannot copy the names of keys and indexes, so these are built from their
-- own definitions; nor storage parameters, which only the partitions may have.
-- The partitions lie in a schema of their own: who looks around in `public` finds the tables of the models, as ever.
CREATE SCHEMA parts;

DO $$
DECLARE
  whole record;
  part int;
  definition text;
  definitions text[];
BEGIN
  FOR whole IN
    SELECT relation.oid, relation.relname AS name, array_to_string(relation.reloptions, ', ') AS options
      FROM pg_class AS relation JOIN pg_attribute AS owner ON owner.attrelid = relation.oid
     WHERE relation.relnamespace = 'public'::regnamespace AND relation.relkind = 'r' AND owner.attname = 'user_id'
  LOOP
    SELECT array_agg(statement) INTO definitions FROM (
      SELECT format('ALTER TABLE public.%I ADD CONSTRAINT %I %s', whole.name, conname, pg_get_constraintdef(oid))
        FROM pg_constraint WHERE conrelid = whole.oid AND contype IN ('p', 'u')
      UNION ALL
      SELECT pg_get_indexdef(indexrelid) FROM pg_index
       WHERE indrelid = whole.oid AND indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE conrelid = whole.oid)
    ) AS found (statement);

    EXECUTE format('ALTER TABLE public.%I SET SCHEMA parts', whole.name);
    EXECUTE format('CREATE TABLE public.%I (LIKE parts.%1$I INCLUDING ALL EXCLUDING INDEXES) '
                   'PARTITION BY HASH (user_id)', whole.name);
    EXECUTE format('DROP TABLE parts.%I', whole.name);
    FOR part IN 0..7 LOOP
      EXECUTE format('CREATE TABLE parts.%I PARTITION OF public.%I FOR VALUES WITH (MODULUS 8, REMAINDER %s) %s',
                     whole.name || '_' || part, whole.name, part, 'WITH (' || whole.options || ')');
    END LOOP;
    FOREACH definition IN ARRAY definitions LOOP
      EXECUTE definition;
    END LOOP;
  END LOOP;
END $$;
