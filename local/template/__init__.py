"""The SAM template, read into typed values, and what is derived from it.

Owns the subset of SAM and CloudFormation that the local stack supports, AWS identifiers, the API prefix, and the
generation of the OpenAPI documents. What is not supported raises TemplateError; nothing is silently ignored except
resources that have a function on AWS only. Never starts anything. Entry points: `sam_template.Template.load`,
`python -m local.template.openapi`, `python -m local.template.api_prefix`.
"""
