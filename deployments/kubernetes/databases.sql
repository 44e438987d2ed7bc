-- One database for Prefect and one for MLflow, each with an owner of its own. PostgreSQL's image
-- runs this once, when its volume is empty. compose.yaml uses it too; it stands here because
-- kustomize reads no file outside of its folder.

-- From the environment: on a command line, every process would see the passwords.
\getenv prefect_password DATABASE_PASSWORD_PREFECT
\getenv mlflow_password DATABASE_PASSWORD_MLFLOW

CREATE ROLE prefect LOGIN PASSWORD :'prefect_password';
CREATE ROLE mlflow LOGIN PASSWORD :'mlflow_password';
CREATE DATABASE prefect OWNER prefect;
CREATE DATABASE mlflow OWNER mlflow;

-- Everybody may connect to a new database; neither of the two has any business in the other's.
REVOKE CONNECT ON DATABASE prefect, mlflow FROM PUBLIC;
