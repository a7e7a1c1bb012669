resource "aws_lambda_function" "checkout" {
  function_name = "checkout"
  handler       = "app.handler"
  runtime       = "python3.12"
  filename      = "app.zip"
  role          = aws_iam_role.checkout.arn
}

resource {
