SECRET_KEY = "no secret"
INSTALLED_APPS = ["blog"]
DATABASES = {"default": {"ENGINE": "django.db.backends.postgresql", "NAME": "blog"}}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
MIGRATION_MODULES = {"blog": None}
USE_TZ = True

TEST_RUNNER = "no_repeats.NoRepeatsRunner"
